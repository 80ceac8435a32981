//! The manual page and the completions, from the one definition of the command line.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Writes `fickgate(1)`, in roff.
pub fn write(out: &mut dyn Write) -> io::Result<()> {
    let page = clap_mangen::Man::new(Cli::command());
    let mut text = Vec::new();
    page.render(&mut text)?;
    out.write_all(&text)
}

/// Writes the completions for a shell.
pub fn write_completions(shell: Shell, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fickgate", &mut text);
    out.write_all(&text)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_manual_and_every_shell_know_every_option() {
        let mut page = Vec::new();
        write(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap().replace("\\-", "-");
        for argument in Cli::command().get_arguments().filter_map(|a| a.get_long()) {
            assert!(page.contains(&format!("--{argument}")), "{argument}");
            for shell in Shell::value_variants() {
                let mut out = Vec::new();
                write_completions(*shell, &mut out).unwrap();
                assert!(String::from_utf8(out).unwrap().contains(argument), "{shell}: {argument}");
            }
        }
    }
}
