//! Code that models carry or name beside their pickles, in archives and in configuration.

#![allow(clippy::unwrap_used)]

use std::io::{Cursor, Write as _};

use fickgate_engine::{BlobPath, Content, Facts, Limits, scan};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn read(name: &str, bytes: Vec<u8>) -> Facts {
    scan(&Content::from_bytes(bytes), &BlobPath::new(name), &Limits::default()).unwrap()
}

fn archive(name: &str, members: &[(&str, &[u8])]) -> Facts {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (member, bytes) in members {
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file(*member, stored).unwrap();
        writer.write_all(bytes).unwrap();
    }
    read(name, writer.finish().unwrap().into_inner())
}

/// Members that are told as code.
fn told(facts: &Facts) -> Vec<&str> {
    facts.code.iter().map(|code| code.member.as_str()).collect()
}

#[test]
fn torch_finds_members_without_regard_to_case() {
    let module = ("p/collections.py", &b"print(1)"[..]);
    for list in ["p/.data/extern_modules", "p/.DATA/Extern_Modules"] {
        let facts =
            archive("p.zip", &[(list, b"os\n"), module, ("p/m/m.pkl", b"ccollections\nOrderedDict\n.")]);
        assert_eq!(told(&facts), ["p/collections.py"], "{list}");
    }
    let facts = archive("m.pt", &[("m/data.pkl", b"\x80\x02}."), ("m/DATA.PKL", b"\x80\x02}.")]);
    assert!(facts.faults.iter().any(|f| f.fault.message.contains("but for case")), "{:?}", facts.faults);
}

#[test]
fn torch_package_unpickles_what_is_no_storage_of_its_own() {
    // The class of the storage, its key, place and size, as a persistent id.
    let storage = b"\x80\x02(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x04tQ.";
    let members: &[(&str, &[u8])] =
        &[("p/data.pkl", storage), ("p/data/0", b"cevil\nrun\n(tR."), ("p/.data/extern_modules", b"torch\n")];
    let imported = |facts: &Facts| facts.streams.iter().any(|s| s.imports.iter().any(|i| i.name == "run"));
    assert!(imported(&archive("p.pt", members)));
    assert!(!imported(&archive("p.pt", &members[..2])), "a tensor of a checkpoint");
}

#[test]
fn texts_of_exported_programs_are_arithmetic_and_names() {
    let program = |json: &str| archive("m.pt2", &[("m/models/model.json", json.as_bytes())]);
    for code in [
        r#"{"expr_str": "__import__('os')"}"#,
        r#"{"\u0065xpr_str": "exec(1)"}"#,
        r#"{"guards_code": ["L['x'].size()[0] == 2", "print()"]}"#,
        r#"{"inputs": [{"as_tensor": {"name": "x=print()"}}]}"#,
        r#"{"in_spec": "[1, {\"context\": \"{\\\"__enum__\\\": true}\"}]"}"#,
    ] {
        assert_eq!(told(&program(code)), ["m/models/model.json"], "{code}");
    }
    let honest = r#"{"expr_str": "Mul(Integer(2), Symbol('s77', integer=True))", "name": "layers.0.weight",
        "target": "torch.ops.aten.add.Tensor", "in_spec": "[1, {\"type\": null, \"context\": \"[\\\"a\\\"]\"}]"}"#;
    assert_eq!(told(&program(honest)), [""; 0]);
    // By its members, whatever the archive's name.
    let facts = archive("m.zip", &[("m/MODELS/a.JSON", br#"{"expr_str": "exec(1)"}"#)]);
    assert_eq!(told(&facts), ["m/MODELS/a.JSON"]);
}

#[test]
fn parts_of_aotinductor_packages_are_code() {
    let part = |name: &str| archive("m.zip", &[(name, b"{}"), ("m/archive_format", b"pt2")]);
    for built in ["x.wrapper.cpp", "x_compile_flags.json", "x.so", "x.cubin", "x"] {
        let name = format!("m/data/aotinductor/model/{built}");
        assert_eq!(told(&part(&name)), [name]);
    }
    for other in ["x_metadata.json", "weights.blob"] {
        assert_eq!(told(&part(&format!("m/data/aotinductor/model/{other}"))), [""; 0]);
    }
    let out = part("m/data/../../../x");
    assert!(out.faults.iter().any(|f| f.fault.message.contains("leads out")), "{:?}", out.faults);
}

#[test]
fn torchscript_opens_no_file() {
    let source = |text: &str| {
        archive(
            "m.pt",
            &[("m/code/m.py", text.as_bytes()), ("m/constants.pkl", b"\x80\x02)."), ("m/data.pkl", b"N.")],
        )
    };
    for code in
        ["  torch.save(x, \"/a\")", "_0 = (torch) . save (x)", "ops.aten.save(x)", "torch.from_file(x)"]
    {
        assert_eq!(told(&source(code)), ["m/code/m.py"], "{code}");
    }
    assert_eq!(told(&source("def forward(self, x):\n  return (self).save(x, )")), [""; 0]);
}

#[test]
fn lambda_layers_are_found_wherever_the_model_stands() {
    let layer = r#"{"class_name": "Lambda", "config": {"function": ["4wEA", null, null], "function_type": "lambda"}}"#;
    for text in [layer.to_owned(), format!("[{layer}]"), format!(" {{\"a\": {{\"b\": [{layer}]}}}}")] {
        assert!(!told(&read("m.json", text.clone().into())).is_empty(), "{text}");
    }
    let shape = layer.replace("\"function_type\"", "\"output_shape_type\"").replace("Lambda", "Model");
    assert!(!told(&read("m.json", shape.into())).is_empty());
    let other = r#"{"resource": "x", "function_type": "lambda", "config": {"class_name": "a.b"}}"#;
    assert_eq!(told(&read("m.json", other.as_bytes().to_vec())), [""; 0]);
}

#[test]
fn functions_of_python_are_told_from_those_of_keras() {
    let named = |name: &str| {
        let function = format!(r#"{{"module": "builtins", "class_name": "function", "config": "{name}"}}"#);
        let model =
            format!(r#"{{"module": "keras", "class_name": "Sequential", "config": {{"a": {function}}}}}"#);
        read("m.json", model.into())
    };
    assert_eq!(told(&named("exec")).len(), 1);
    assert_eq!(told(&named("relu")), [""; 0]);
}

#[test]
fn what_a_schema_of_skops_names_is_found_behind_any_number_of_members() {
    let filling: String = (0..500).map(|i| format!("\"k{i}\": \"x\", ")).collect();
    let schema = format!(
        r#"{{{filling} "__class__": "system", "__module__": "posix", "__loader__": "FunctionNode"}}"#
    );
    let facts = archive("m.skops", &[("schema.json", schema.as_bytes())]);
    assert_eq!(told(&facts), ["schema.json"]);
}
