//! Large files: a checkpoint of torch's legacy layout, and one array in joblib's compressed forms.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{peak_memory, rounds};

const PYTHON_LZMA: &str = "
import lzma, shutil, sys
form = {'xz': lzma.FORMAT_XZ, 'lzma': lzma.FORMAT_ALONE}[sys.argv[1]]
with lzma.open(sys.argv[2], 'wb', format=form, preset=0) as out:
    shutil.copyfileobj(sys.stdin.buffer, out, 1 << 20)
";

/// Bytes of the array.
const ARRAY: u32 = 512 << 20;

/// Plays the floor where the arguments ask for it.
pub fn floor(args: &[String]) -> Option<io::Result<()>> {
    let [_, role, path] = args else { return None };
    match role.as_str() {
        "--read-head" => Some(read_head(Path::new(path))),
        "--inflate" => Some(inflate(Path::new(path))),
        _ => None,
    }
}

/// Prints the rows.
pub fn measure(data: &Path, fickgate: &Path) -> io::Result<()> {
    let legacy = data.join("legacy.pt");
    if !legacy.exists() {
        write_legacy(&legacy)?;
    }
    compare("1 GiB legacy checkpoint", fickgate, &legacy, "reading its first page", "--read-head", 15)?;
    for form in ["zlib", "gzip", "bz2", "xz", "lzma", "lz4"] {
        let path = data.join(format!("array.{form}.joblib"));
        if !path.exists()
            && let Err(error) = write_compressed(form, &path)
        {
            println!("512 MiB in joblib's {form}: not measured, it could not be made: {error}");
            std::fs::remove_file(&path)?;
            continue;
        }
        let name = format!("512 MiB in joblib's {form}");
        compare(&name, fickgate, &path, "inflating it", "--inflate", 3)?;
    }
    Ok(())
}

fn compare(
    name: &str,
    fickgate: &Path,
    path: &Path,
    floor_name: &str,
    role: &str,
    count: usize,
) -> io::Result<()> {
    let mut gate = Command::new(fickgate);
    gate.arg(path);
    let mut floor = Command::new(std::env::current_exe()?);
    floor.arg(role).arg(path);
    rounds(count, name, &mut gate, floor_name, &mut floor)?;
    if let Some(kib) = peak_memory(&gate) {
        println!("    peak memory {:.1} MiB", kib as f64 / 1024.0);
    }
    Ok(())
}

/// torch before 1.6: magic, protocol, system, object, keys, then each storage behind its length. The
/// storage is a hole in the file.
fn write_legacy(path: &Path) -> io::Result<()> {
    let elements = (1u32 << 30) / 4;
    let n = elements.to_le_bytes();
    let mut file = File::create(path)?;
    file.write_all(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.")?;
    file.write_all(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n")?;
    file.write_all(
        &[&b"X\x01\0\0\x000X\x03\0\0\0cpuJ"[..], &n, b"NtQK\0J", &n, b"\x85K\x01\x85\x89"].concat(),
    )?;
    file.write_all(b"ccollections\nOrderedDict\n)RtR.\x80\x02]X\x01\0\0\x000a.")?;
    file.write_all(&u64::from(elements).to_le_bytes())?;
    let end = file.stream_position()? + u64::from(elements) * 4;
    file.set_len(end)
}

fn write_compressed(form: &str, path: &Path) -> io::Result<()> {
    let file = BufWriter::new(File::create(path)?);
    match form {
        "zlib" => {
            let mut out = flate2::write::ZlibEncoder::new(file, flate2::Compression::fast());
            write_array(&mut out)?;
            out.finish()?.flush()
        }
        "gzip" => {
            let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            write_array(&mut out)?;
            out.finish()?.flush()
        }
        "bz2" => {
            let mut out = bzip2::write::BzEncoder::new(file, bzip2::Compression::fast());
            write_array(&mut out)?;
            out.finish()?.flush()
        }
        // The crate that reads these has no writer that is built here.
        "xz" | "lzma" => {
            let mut python = Command::new("python3")
                .args(["-c", PYTHON_LZMA, form])
                .arg(path)
                .stdin(Stdio::piped())
                .spawn()?;
            if let Some(mut out) = python.stdin.take() {
                write_array(&mut out)?;
            }
            if python.wait()?.success() { Ok(()) } else { Err(io::Error::other("python3 failed")) }
        }
        _ => {
            let mut out = lz4_flex::frame::FrameEncoder::new(file);
            write_array(&mut out)?;
            out.finish().map_err(io::Error::other)?.flush()
        }
    }
}

/// A `NumpyArrayWrapper` of bytes, the bytes, and STOP. Half of them are noise, as in weights.
fn write_array(out: &mut impl Write) -> io::Result<()> {
    let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    out.write_all(b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(")?;
    out.write_all(&[text("subclass"), b"cnumpy\nndarray\n".to_vec(), text("shape"), b"J".to_vec()].concat())?;
    out.write_all(&[&ARRAY.to_le_bytes()[..], b"\x85", &text("order"), &text("C"), &text("dtype")].concat())?;
    out.write_all(&[&b"cnumpy\ndtype\n"[..], &text("u1"), b"K\0K\x01\x87R(K\x03", &text("|")].concat())?;
    out.write_all(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb")?;
    out.write_all(&[&text("allow_mmap")[..], b"\x88ub"].concat())?;
    let mut state = 1u32;
    let mut noise = |i: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if i % 4 < 2 { (state >> 24) as u8 } else { 0x3f }
    };
    let piece: Vec<u8> = (0..4 << 20).map(&mut noise).collect();
    for _ in 0..ARRAY as usize / piece.len() {
        out.write_all(&piece)?;
    }
    out.write_all(b".")
}

fn read_head(path: &Path) -> io::Result<()> {
    let mut head = [0; 4096];
    File::open(path)?.read_exact(&mut head)?;
    std::hint::black_box(head);
    Ok(())
}

/// Decompresses with the same crate into a buffer that is thrown away.
fn inflate(path: &Path) -> io::Result<()> {
    let file = BufReader::with_capacity(64 << 10, File::open(path)?);
    let name = path.to_string_lossy();
    let mut source: Box<dyn Read> = match () {
        () if name.contains(".zlib.") => Box::new(flate2::read::ZlibDecoder::new(file)),
        () if name.contains(".gzip.") => Box::new(flate2::read::GzDecoder::new(file)),
        () if name.contains(".bz2.") => Box::new(bzip2::read::BzDecoder::new(file)),
        () if name.contains(".xz.") => Box::new(lzma_rust2::XzReader::new(file, true)),
        () if name.contains(".lzma.") => {
            Box::new(lzma_rust2::LzmaReader::new_mem_limit(file, u32::MAX, None).map_err(io::Error::other)?)
        }
        () => Box::new(lz4_flex::frame::FrameDecoder::new(file)),
    };
    let mut buffer = vec![0; 64 << 10];
    while source.read(&mut buffer)? > 0 {}
    std::hint::black_box(buffer);
    Ok(())
}
