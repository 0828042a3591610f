//! Files that are either whole or absent.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::Error;

/// Writes a file through a temporary one in the same folder, synced, then renamed: whoever looks sees the old
/// content or the new, never half of it.
///
/// # Errors
/// [`Error::Write`] with the path.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("slides.tsv");
/// pert_report::write_file(&path, "perturbation\tn\tr2\tfid\n")?;
/// assert_eq!(std::fs::read_to_string(&path)?, "perturbation\tn\tr2\tfid\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_file(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let write = || {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(content.as_ref())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|source| {
        // The first error is the one to tell; a left-over file is the lesser harm.
        let _ = fs::remove_file(&temporary);
        Error::Write { path: path.to_owned(), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.csv");
        write_file(&path, "old and long").unwrap();
        write_file(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let missing = folder.path().join("no/such/metrics.csv");
        let error = write_file(&missing, "x").unwrap_err();
        assert!(error.to_string().contains("metrics.csv"), "{error}");
    }
}
