//! How a failure is told, and which exit code it gets.

use std::io;
use std::path::Path;

use pert_prior::Error;
use pert_prior::data::shell_line;

/// Adds the file that an error is about, where the error does not know it.
pub fn in_file(path: &Path, error: Error) -> anyhow::Error {
    match error {
        Error::Core(_)
        | Error::NoControl { .. }
        | Error::TooFewCells { .. }
        | Error::UnknownLevel { .. }
        | Error::Encoder(pert_prior::encoders::Error::UnknownGenes { .. })
        | Error::Request(_) => anyhow::Error::new(error).context(path.display().to_string()),
        other => other.into(),
    }
}

/// The error and its causes on one line; causes that the text before them tells already are left out.
pub fn text(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// How a command that was interrupted goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoOn {
    /// From checkpoints only, given again as it was.
    FromCheckpoints,
    /// From checkpoints only, with this flag.
    With(&'static str),
    /// Always: it keeps what is finished, and is given again as it was.
    Always,
}

/// What to say when Ctrl-C ended the run, with the command that goes on where there is one.
pub fn interruption(error: &anyhow::Error, go_on: GoOn) -> Option<String> {
    let interrupted = error.downcast_ref::<Error>()?;
    let goes_on = match interrupted {
        Error::Unfinished { .. } => true,
        Error::Interrupted => go_on == GoOn::Always,
        _ => return None,
    };
    if !goes_on {
        return Some(interrupted.to_string());
    }
    let mut words: Vec<String> = std::env::args().collect();
    if let GoOn::With(flag) = go_on
        && !words.iter().any(|word| word == flag)
    {
        words.push(flag.to_owned());
    }
    let line = shell_line(words.iter().map(String::as_str));
    Some(format!("{interrupted}\ngo on with: {line}"))
}

/// Whether nobody reads our output any more (`pert inspect … | head`), which is no failure.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let cause = || io::Error::other("disk full");
        let told = anyhow::Error::new(cause()).context("a.txt: cannot be written: disk full");
        assert_eq!(text(&told), "a.txt: cannot be written: disk full");
        let untold = anyhow::Error::new(cause()).context("a.txt");
        assert_eq!(text(&untold), "a.txt: disk full");
    }
}
