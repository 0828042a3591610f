//! Files of a folder, read up to a limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::PretrainedError;
use super::sizes::Sizes;

/// The most bytes of a text that are read: a vocabulary of a million words.
const LARGEST_TEXT: u64 = 32 << 20;

/// Bytes a file of weights may hold besides what the network needs: the header, and heads that are not read.
const SLACK: u64 = 64 << 20;

/// Where `transformers` kept weights before safetensors.
const PICKLED: &str = "pytorch_model.bin";

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String, PretrainedError> {
    let bytes = read(path, LARGEST_TEXT)?;
    String::from_utf8(bytes).map_err(|e| PretrainedError::Io {
        path: path.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, e.utf8_error()),
    })
}

/// The bytes of a file of weights no larger than its network, twice, and some slack.
///
/// `n_embedded` are the numbers of a row of embeddings, all kinds of them.
pub(crate) fn read_weights(
    path: &Path,
    sizes: &Sizes,
    n_embedded: usize,
) -> Result<Vec<u8>, PretrainedError> {
    let pickled = path.with_file_name(PICKLED);
    if !path.exists() && pickled.exists() {
        return Err(PretrainedError::Pickled { path: pickled });
    }
    read(path, 2 * size_of::<f32>() as u64 * sizes.n_parameters(n_embedded) + SLACK)
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, PretrainedError> {
    let io = |source| PretrainedError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(PretrainedError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}
