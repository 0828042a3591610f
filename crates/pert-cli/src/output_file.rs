//! A file to be written is looked at before any work is done.

use std::path::Path;

use anyhow::bail;

/// Refuses a path at which no file can be written, or not under this name: a folder, none of the extensions, or a place whose
/// folder is missing or read-only.
pub fn check_output_file(path: &Path, extensions: &[&str]) -> anyhow::Result<()> {
    let shown = path.display();
    if path.is_dir() || path.file_name().is_none() {
        let example = path.join("output").with_extension(extensions[0]);
        bail!("{shown}: this is a folder; name the file to write, such as {}", example.display());
    }
    if path.extension().is_none_or(|found| extensions.iter().all(|known| found != *known)) {
        bail!("{shown}: is written as .{}; let its name end so", extensions.join(" or ."));
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let folder = folder.display();
        bail!(
            "{shown}: cannot be written: {folder} is no folder; make it first, or choose another"
        );
    }
    // Rights are only known by trying.
    let probe = folder.join(format!(".pert-probe-{}", std::process::id()));
    if let Err(error) = std::fs::write(&probe, []) {
        bail!("{shown}: cannot be written: {error}; choose a folder you may write to");
    }
    std::fs::remove_file(&probe)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_in_existing_folders_pass_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        check_output_file(&file, &["txt"]).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        std::fs::write(&file, "x").unwrap();
        check_output_file(&file, &["txt"]).unwrap();
        for bad in [folder.path().to_owned(), file.join("b.h5ad"), folder.path().join("no/b.h5ad")]
        {
            assert!(check_output_file(&bad, &["h5ad"]).is_err(), "{}", bad.display());
        }
        assert!(check_output_file(Path::new(".."), &["h5ad"]).is_err());
    }
}
