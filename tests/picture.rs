//! `docs/run.svg`, the picture in the README: a real run over fixtures. `FICKGATE_BLESS=1` draws it again.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_picture_in_the_readme_is_what_a_run_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    fs::create_dir(&models).unwrap();
    for (fixture, name) in [
        ("malicious/torchzip-plain.pt", "resnet.pt"),
        ("malicious/setitem-on-imported-object.pkl", "tokenizer.pkl"),
        ("clean/torch/checkpoint.ckpt", "encoder.ckpt"),
    ] {
        fs::copy(root.join("tests/fixtures").join(fixture), models.join(name)).unwrap();
    }
    let run = Command::new(env!("CARGO_BIN_EXE_fickgate"))
        .args(["--color", "always", "models"])
        .current_dir(folder.path())
        .env("COLUMNS", "100")
        .env_remove("GITHUB_ACTIONS")
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1), "{}", String::from_utf8_lossy(&run.stderr));
    let text = format!("$ fickgate models\n{}", String::from_utf8(run.stdout).unwrap());
    let drawn = anstyle_svg::Term::new().render_svg(&text);
    let file = root.join("docs/run.svg");
    if std::env::var_os("FICKGATE_BLESS").is_some() {
        fs::write(&file, &drawn).unwrap();
    }
    // Git may have changed the line ends.
    let there = fs::read_to_string(&file).unwrap_or_default().replace('\r', "");
    assert!(there == drawn, "docs/run.svg is not what a run shows; look, then set FICKGATE_BLESS=1:\n{text}");
}
