#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fickgate_fuzz::hdf5(bytes));
