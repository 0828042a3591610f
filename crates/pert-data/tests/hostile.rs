//! Files nobody should trust: every one gives an error or a data set, never a panic.

use std::path::{Path, PathBuf};

use pert_core::seeded_rng;
use pert_data::{Dataset, Error, ReadOptions, inspect};
use rand::Rng;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/anndata").join(name)
}

/// Reads bytes as a file in all ways; what it gives does not matter, that it returns does.
fn survive(folder: &Path, bytes: &[u8]) -> Result<Dataset, Error> {
    let path = folder.join("hostile.h5ad");
    std::fs::write(&path, bytes).unwrap();
    let _ = inspect(&path, &ReadOptions::default());
    let options = ReadOptions {
        layer: Some("raw".into()),
        cell_type_key: Some("cell_type".into()),
        ..ReadOptions::default()
    };
    let _ = Dataset::read_h5ad_with(&path, &options);
    Dataset::read_h5ad(&path)
}

fn written(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("screen.h5ad");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn each_kind_of_wrong_file_has_its_message() {
    let (folder, path) =
        written(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
    let error = Dataset::read_h5ad(&path).unwrap_err();
    assert!(matches!(error, Error::GitLfsPointer { .. }), "{error}");
    assert!(error.to_string().contains("git lfs pull"), "{error}");

    let error = Dataset::read_h5ad(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Directory { .. }), "{error}");
    let error = Dataset::read_h5ad(folder.path().join("none.h5ad")).unwrap_err();
    assert!(matches!(error, Error::MissingFile { .. }), "{error}");

    for text in [&b""[..], b"gene,cell\n", b"\x89HD", b"<html>404</html>"] {
        let (_folder, path) = written(text);
        let error = Dataset::read_h5ad(&path).unwrap_err();
        assert!(matches!(error, Error::NotHdf5 { .. }), "{error}");
        assert!(error.to_string().contains("screen.h5ad"), "{error}");
    }
}

#[test]
fn every_truncation_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["csr_gzip.h5ad", "dense_chunks.h5ad", "old_h5sparse.h5ad"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for length in (0..bytes.len()).step_by(331) {
            let error = survive(folder.path(), &bytes[..length]).expect_err("a part was read");
            if length > 64 {
                assert!(matches!(error, Error::Truncated { .. }), "{name}, {length}: {error}");
            }
        }
    }
}

#[test]
fn declared_sizes_are_not_believed() {
    for name in ["shape_csr", "shape_csc", "values", "pointers", "codes", "names", "dense"] {
        let path = fixture(&format!("bomb_{name}.h5ad"));
        for error in [
            Dataset::read_h5ad(&path).unwrap_err(),
            inspect(&path, &ReadOptions::default()).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Corrupt { .. }), "{name}: {error}");
        }
    }
}

/// Cut-off bytes behind a header that agrees with the length: what remains is looked at.
#[test]
fn content_that_is_cut_off_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(fixture("csr_gzip.h5ad")).unwrap();
    for length in (100..bytes.len()).step_by(997) {
        let mut cut = bytes[..length].to_vec();
        cut.resize(bytes.len(), 0);
        let _ = survive(folder.path(), &cut);
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = seeded_rng(1, "hostile");
    for name in ["csr_gzip.h5ad", "raw_counts.h5ad", "dense_chunks.h5ad", "old_0_7.h5ad"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for _ in 0..150 {
            let mut damaged = bytes.clone();
            for _ in 0..1 + rng.next_u32() % 8 {
                let at = (rng.next_u64() % damaged.len() as u64) as usize;
                damaged[at] = match rng.next_u32() % 4 {
                    0 => 0xff,
                    1 => 0,
                    2 => damaged[at] ^ (1 << (rng.next_u32() % 8)),
                    _ => rng.next_u32() as u8,
                };
            }
            let _ = survive(folder.path(), &damaged);
        }
    }
}
