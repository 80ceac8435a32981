//! What the gate costs beside what it cannot avoid, as ratios measured in one run.
//!
//! `cargo bench --bench gate` builds its inputs once under `target/bench-data`:
//! - a torch zip of 2 GiB whose tensors are a hole in the file, against reading its directory and its
//!   `data.pkl` and nothing else;
//! - a checkpoint of 1 GiB in torch's legacy layout, its storage a hole in the file, against reading its
//!   first page;
//! - an array of 512 MiB in joblib's compressed forms, against inflating them with the same crates;
//! - two repositories, one of 100,000 files and one of 10,000 commits, against what git needs to name and
//!   to read the same content.
//!
//! `-- container` and `-- source` measure the first three or the last alone.
//!
//! Every row prints medians of whole processes, the ratio of the medians, and the peak memory where
//! `/usr/bin/time` is there to read it.

#![allow(clippy::print_stdout)]

#[path = "gate/container.rs"]
mod container;
#[path = "gate/source.rs"]
mod source;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const HOLE: u64 = 2 << 30;

fn main() -> io::Result<()> {
    // The row that stands for the floor is this binary too, in another role.
    let args: Vec<String> = std::env::args().collect();
    if let Some(played) = container::floor(&args) {
        return played;
    }
    if let Some(at) = args.iter().position(|a| a == "--read-directory") {
        return read_directory(Path::new(&args[at + 1]));
    }
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-data");
    fs::create_dir_all(&data)?;
    let fickgate = Path::new(env!("CARGO_BIN_EXE_fickgate"));
    let chosen = |rows: &str| !args.iter().skip(1).any(|a| !a.starts_with('-') && a != rows);
    if chosen("container") {
        large_zip(&data)?;
        container::measure(&data, fickgate)?;
    }
    if chosen("source") {
        source::measure(&data, fickgate)?;
    }
    Ok(())
}

fn large_zip(data: &Path) -> io::Result<()> {
    let path = data.join("large.pt");
    if !path.exists() {
        write_large_zip(&path)?;
    }
    let mut gate = Command::new(env!("CARGO_BIN_EXE_fickgate"));
    gate.arg(&path).current_dir(data);
    let mut floor = Command::new(std::env::current_exe()?);
    floor.arg("--read-directory").arg(&path);
    row("2 GiB torch zip", &mut gate, "reading its directory and data.pkl", &mut floor)?;
    if let Some(kib) = peak_memory(&gate) {
        println!("    peak memory {:.1} MiB", kib as f64 / 1024.0);
    }
    Ok(())
}

/// One stored member for the pickle, one of 2 GiB for the only storage, as `torch.save` lays them out.
fn write_large_zip(path: &Path) -> io::Result<()> {
    let elements = (HOLE / 4) as u32;
    let mut pickle = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\x00((X\x07\0\0\0storageq\x01ctorch\nFloatStorage\nq\x02X\x01\0\0\x000q\x03X\x03\0\0\0cpuq\x04J".to_vec();
    pickle.extend(elements.to_le_bytes());
    pickle.extend(b"tq\x05QK\0J");
    pickle.extend(elements.to_le_bytes());
    pickle.extend(b"\x85K\x01\x85\x89ccollections\nOrderedDict\n)Rtq\x06R.");
    let members: [(&str, &[u8], u64); 3] = [
        ("large/data.pkl", &pickle, pickle.len() as u64),
        ("large/version", b"3\n", 2),
        ("large/data/0", b"", HOLE),
    ];
    let mut file = File::create(path)?;
    let mut directory = Vec::new();
    for (name, bytes, len) in members {
        let offset = file.stream_position()?;
        let mut record = Vec::new();
        // Version, flags, method, time, date, CRC (torch may leave it zero), sizes, name, extra.
        record.extend(20u16.to_le_bytes());
        record.extend([0; 8]);
        record.extend(crc32(bytes).to_le_bytes());
        record.extend((len as u32).to_le_bytes());
        record.extend((len as u32).to_le_bytes());
        record.extend((name.len() as u16).to_le_bytes());
        record.extend(0u16.to_le_bytes());
        file.write_all(b"PK\x03\x04")?;
        file.write_all(&record)?;
        file.write_all(name.as_bytes())?;
        file.write_all(bytes)?;
        file.seek(SeekFrom::Current((len - bytes.len() as u64) as i64))?;
        directory.extend(b"PK\x01\x02");
        directory.extend(20u16.to_le_bytes());
        directory.extend(&record);
        directory.extend([0; 10]);
        directory.extend((offset as u32).to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = file.stream_position()?;
    file.write_all(&directory)?;
    let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
    end.extend((members.len() as u16).to_le_bytes());
    end.extend((members.len() as u16).to_le_bytes());
    end.extend((directory.len() as u32).to_le_bytes());
    end.extend((start as u32).to_le_bytes());
    end.extend([0; 2]);
    file.write_all(&end)
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    if bytes.is_empty() { 0 } else { crc.sum() }
}

/// The floor: find the end record, read the directory and the first member.
fn read_directory(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let len = file.seek(SeekFrom::End(0))?;
    let tail_len = len.min(66_000);
    file.seek(SeekFrom::Start(len - tail_len))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let end = tail.windows(4).rposition(|w| w == b"PK\x05\x06").ok_or(io::ErrorKind::InvalidData)?;
    let size = u32::from_le_bytes(tail[end + 12..end + 16].try_into().map_err(io::Error::other)?);
    let start = u32::from_le_bytes(tail[end + 16..end + 20].try_into().map_err(io::Error::other)?);
    let mut directory = vec![0; size as usize];
    file.seek(SeekFrom::Start(u64::from(start)))?;
    file.read_exact(&mut directory)?;
    let pickle = u32::from_le_bytes(directory[24..28].try_into().map_err(io::Error::other)?);
    let mut member = vec![0; pickle as usize];
    file.seek(SeekFrom::Start(30 + 14))?;
    file.read_exact(&mut member)?;
    std::hint::black_box(member);
    Ok(())
}

fn row(name: &str, ours: &mut Command, floor_name: &str, floor: &mut Command) -> io::Result<()> {
    rounds(ROUNDS, name, ours, floor_name, floor)
}

fn rounds(
    count: usize,
    name: &str,
    ours: &mut Command,
    floor_name: &str,
    floor: &mut Command,
) -> io::Result<()> {
    let mut samples: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    for round in 0..=count {
        for (command, samples) in [&mut *ours, &mut *floor].into_iter().zip(&mut samples) {
            let start = Instant::now();
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            let took = start.elapsed();
            if status.code().is_none_or(|c| c > 1) {
                return Err(io::Error::other(format!("{command:?} ended with {status}")));
            }
            if round > 0 {
                samples.push(took);
            }
        }
    }
    let median = |samples: &mut Vec<Duration>| {
        samples.sort_unstable();
        samples[samples.len() / 2].as_secs_f64() * 1e3
    };
    let [a, b] = &mut samples;
    let (a, b) = (median(a), median(b));
    println!("{name}: {a:.2} ms; {floor_name}: {b:.2} ms; ratio {:.2}", a / b);
    Ok(())
}

/// Peak resident memory of a run, in KiB.
fn peak_memory(command: &Command) -> Option<u64> {
    let time = PathBuf::from("/usr/bin/time");
    let mut timed = Command::new(&time);
    timed.args(["-f", "%M"]).arg(command.get_program()).args(command.get_args()).stdout(Stdio::null());
    timed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(dir) = command.get_current_dir() {
        timed.current_dir(dir);
    }
    let output = timed.output().ok()?;
    String::from_utf8_lossy(&output.stderr).lines().last()?.trim().parse().ok()
}
