//! Wrong usage: exit code 2, with the command that was probably meant.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::args::Cli;

/// Typing errors a suggestion forgives.
const FORGIVEN: usize = 2;

/// Reads the command line; prints help or what is wrong and exits where there is nothing to run.
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|mut error| {
        // The parser's own similarity does not see swapped letters (`fti`).
        if error.kind() == ErrorKind::InvalidSubcommand
            && error.get(ContextKind::SuggestedSubcommand).is_none()
            && let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand)
            && let Some(meant) = nearest_command(typed)
        {
            error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![meant]));
        }
        error.exit()
    })
}

fn nearest_command(typed: &str) -> Option<String> {
    Cli::command()
        .get_subcommands()
        .map(|c| (typing_errors(typed, c.get_name()), c.get_name().to_owned()))
        .filter(|(errors, name)| *errors <= FORGIVEN && *errors < name.len())
        .min()
        .map(|(_, name)| name)
}

/// Letters added, left out, changed, or swapped with their neighbour (optimal string alignment distance).
fn typing_errors(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = usize::from(a[i - 1] != b[j - 1]);
                let mut least = (table[i - 1][j] + 1)
                    .min(table[i][j - 1] + 1)
                    .min(table[i - 1][j - 1] + changed);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(table[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_counted() {
        let cases = [("fit", "fit", 0), ("fti", "fit", 1), ("", "fit", 3), ("eval", "evaluate", 4)];
        for (a, b, n) in cases {
            assert_eq!((typing_errors(a, b), typing_errors(b, a)), (n, n), "{a} {b}");
        }
    }

    #[test]
    fn the_command_meant_is_found() {
        assert_eq!(nearest_command("fti").as_deref(), Some("fit"));
        assert_eq!(nearest_command("predcit").as_deref(), Some("predict"));
        assert_eq!(nearest_command("xyzzy"), None);
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
