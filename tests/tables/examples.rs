//! One example for each rule: a folder with the files that it is about, and what fickgate says there.

use std::fs;
use std::path::Path;

use fickgate_engine::rule::Rule;

#[path = "../git/repo.rs"]
#[allow(dead_code, unreachable_pub)]
mod repo;

use repo::Repo;

/// Columns of the example, which `fickgate rule` indents by four, on a terminal of 80.
const WIDTH: &str = "76";

/// `{'weight': [0.5]}`, protocol 2.
const CLEAN: &[u8] = b"\x80\x02}q\x00X\x06\x00\x00\x00weightq\x01]q\x02G?\xe0\x00\x00\x00\x00\x00\x00as.";
/// `ourcompany.models.Ranker()`, protocol 2.
const OURS: &[u8] =
    b"\x80\x02courcompany.models\nRanker\nq\x00)\x81q\x01}q\x02X\x05\x00\x00\x00depthq\x03K\x03sb.";
/// A pointer of Git LFS to what hashes to this.
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
     oid sha256:62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a\nsize 132735\n";

/// The command and all that it prints.
pub fn of(rule: Rule) -> String {
    let folder = Repo::folder();
    set_up(rule, &folder);
    let run = folder
        .command(env!("CARGO_BIN_EXE_fickgate"), &folder.root)
        .args(rule.example().split(' ').skip(1))
        .env("COLUMNS", WIDTH)
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8(run.stdout).unwrap(), String::from_utf8_lossy(&run.stderr).into_owned());
    assert!(out.contains(&format!("[{rule}]: ")), "{rule}: {out}{err}");
    // `-v` tells the time that a run took.
    let out = out.trim_end();
    let out = out
        .rsplit_once("; ")
        .filter(|(_, last)| last.ends_with(" ms") || last.ends_with(" s"))
        .map_or(out, |(out, _)| out);
    format!("$ {}\n{out}", rule.example())
}

fn set_up(rule: Rule, folder: &Repo) {
    let fixture = |name: &str| fs::read(Path::new("tests/fixtures").join(name)).unwrap();
    let policy = |text: &str| folder.write(".fickgate.yaml", format!("version: 1\n{text}"));
    let repository = || folder.git(&["init", "-q", "-b", "main"]);
    let torch = "clean/torch/state-dict.pt";
    match rule {
        Rule::ImportNotAllowed => folder.write("models/resnet.pt", fixture("malicious/torchzip-plain.pt")),
        Rule::PickleNotAllowed => {
            policy("pickles: none\n");
            folder.write("models/resnet.pt", fixture(torch));
        }
        Rule::ImportUnresolved => {
            folder.write("models/ranker.pkl", fixture("malicious/stack-global-computed-operand.pkl"));
        }
        Rule::NestedUnresolved => {
            folder.write("models/ranker.pkl", fixture("malicious/nested-computed-bytes.pkl"));
        }
        Rule::ObjectMutation => {
            folder.write("models/ranker.pkl", fixture("malicious/setitem-on-imported-object.pkl"));
        }
        Rule::StreamMalformed => {
            let whole = fixture("clean/plain/standard-library-protocol-2.pkl");
            folder.write("a/old.pkl", whole.get(..142).unwrap());
        }
        // 10, with the underscore that only one of the two unpicklers takes.
        Rule::StreamAmbiguous => folder.write("a/measure.pkl", "F1_0\n."),
        Rule::ContainerAnomaly => {
            folder.write("models/resnet.pt", [b"0123456".as_slice(), &fixture(torch)].concat());
        }
        Rule::ContainerUnreadable => {
            folder.write("models/bundle.pt", fixture("malicious/sevenzip-named-torch.pt"))
        }
        Rule::HiddenPickle => folder.write("assets/logo.gif", CLEAN),
        Rule::ModelCode => folder.write("models/classifier.keras", fixture("malicious/keras-lambda.keras")),
        Rule::NotAPickle => folder.write("weights/encoder.bin", fixture("not-pickle/cloud.bin")),
        Rule::ResourceLimit => folder.write("data/dump.zip", fixture("malicious/nested-40-zips.zip")),
        Rule::PointerUnresolved => {
            repository();
            folder.add("models/large.pt", POINTER);
        }
        Rule::PointerMismatch => {
            repository();
            folder.add("models/large.pt", POINTER);
            let hash = "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a";
            folder.write(format!(".git/lfs/objects/62/c6/{hash}"), CLEAN);
        }
        Rule::MissingObject => {
            repository();
            folder.add("models/encoder.pkl", CLEAN);
            let id = folder.git(&["hash-object", "models/encoder.pkl"]);
            let (head, tail) = id.split_at(2);
            fs::remove_file(folder.root.join(".git/objects").join(head).join(tail)).unwrap();
        }
        Rule::CheckoutDiffers => {
            repository();
            folder.add(".gitattributes", "*.pkl filter=decode\n");
            folder.add("models/ranker.pkl", CLEAN);
        }
        Rule::PolicyChanged => {
            repository();
            folder.commit("empty");
            folder.git(&["switch", "-q", "-c", "ranker"]);
            policy("allow:\n  - import: ourcompany.models.Ranker\n    reason: our ranking model\n");
            folder.git(&["add", "."]);
            folder.commit("allow it");
        }
        Rule::UnusedAllow => {
            policy("allow:\n  - import: ourcompany.models.OldRanker\n    reason: our old ranking model\n");
            folder.write("models/encoder.pkl", CLEAN);
        }
        Rule::ExpiredAllow => {
            policy(
                "allow:\n  - import: ourcompany.models.Ranker\n    reason: until it is retrained\n    \
                 expires: 2020-06-30\n",
            );
            folder.write("models/encoder.pkl", CLEAN);
        }
        Rule::BroadAllow => {
            policy("allow:\n  - import: ourcompany.models.*\n    reason: our models\n");
            folder.write("models/ranker.pkl", OURS);
        }
        Rule::ShadowedModule => {
            repository();
            folder.add("numpy/__init__.py", "");
            folder.add("models/labels.npy", fixture("clean/numpy/object.npy"));
        }
    }
}
