//! Every ceiling in one list, each with its reason.
//!
//! A limit that is hit is a finding (`resource-limit`), never a silent stop: what was read until then
//! is still judged. Sizes are in bytes.

/// The ceilings one scan works under. [`Limits::default`] is what the command line uses.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest text (module, name, codec, memo key) that is decoded. A longer one is reported by its
    /// size: no importable name is that long.
    pub text: u64,
    /// Memory the machine may hold for stack, memo, marks and tuples of one stream. Each entry costs
    /// eight bytes and at least one byte of input, so honest streams under 100 MiB cannot reach it.
    pub machine_memory: u64,
    /// Memory for what the values of one stream are made of: memo, tuples, containers, objects. Beyond it the older ones
    /// are let go of. A stream that asks for one of these is read again with all of them, so that no finding depends on this.
    pub kept: usize,
    /// Different imports that are told apart in one stream; further ones end the reading.
    pub imports: usize,
    /// Faults that are kept for one stream. The first are the ones that matter.
    pub faults: usize,
    /// Pickles that are read one behind the other in one member.
    pub stacked: u64,
    /// Opcodes that are read where a pickle may begin by chance, in all of one blob.
    pub guessed: u64,
    /// Containers inside containers, and pickles inside the bytes of pickles.
    pub depth: u32,
    /// Members that are looked at in one archive.
    pub members: u64,
    /// Bytes that all decompression of one blob may yield.
    pub inflated: u64,
    /// Decompressed bytes for each compressed byte, counted once [`Limits::inflated_free`] is spent.
    pub ratio: u64,
    /// Decompressed bytes that are not held against [`Limits::ratio`].
    pub inflated_free: u64,
    /// Decompressed content up to this size is kept in memory; larger content is read as a stream.
    pub held: u64,
    /// Decompressed bytes of one blob that go through a temporary file, for readers that go back again and again.
    /// Beyond it they wait for the decoder to start over.
    pub spilled: u64,
    /// Files up to this size are read into memory before they are looked at: many small reads cost more.
    pub whole: u64,
    /// Window through which content that is not in memory is read.
    pub window: usize,
    /// Longest .npy header that is parsed (numpy itself refuses more than 10,000 by default).
    pub npy_header: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            text: 64 << 10,
            machine_memory: 1 << 30,
            kept: 32 << 20,
            imports: 100_000,
            faults: 32,
            stacked: 20_000_000,
            guessed: 16_000_000,
            depth: 12,
            members: 200_000,
            inflated: 16 << 30,
            ratio: 1_100,
            inflated_free: 64 << 20,
            held: 8 << 20,
            spilled: 2 << 30,
            whole: 4 << 20,
            window: 256 << 10,
            npy_header: 1 << 20,
        }
    }
}
