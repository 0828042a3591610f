//! Embeddings as a file of arrays.

use std::io::{self, Write};

use super::npy::{UTF32, header};
use super::zip_writer::ZipWriter;
use super::{COLUMNS, EMBEDDINGS, LABELS};

/// Writes rows by name as numpy's `savez_compressed` does: arrays `labels` `[n]` and `columns` `[d]` of type `<U`, `embeddings`
/// `[n, d]` of type `<f4`. [`FeatureTable::read`](crate::FeatureTable::read) reads them. The same rows give the same bytes.
///
/// # Shapes
/// - values: `[labels.len(), columns.len()]`, row-major
///
/// # Errors
/// Those of `out`; a file of 4 GiB and more.
///
/// ```
/// use pert_encoders::{FeatureTable, write_embeddings_npz};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("drugs.npz");
/// let names = |names: [&str; 2]| names.map(str::to_owned);
/// let (labels, columns) = (names(["aspirin", "ethanol"]), names(["x", "y"]));
/// let mut file = std::fs::File::create(&path)?;
/// write_embeddings_npz(&mut file, &labels, &columns, &[1.0, 2.0, 3.0, 6.0])?;
/// assert_eq!(FeatureTable::read(&path)?.genes(), labels);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_embeddings_npz(
    out: &mut dyn Write,
    labels: &[String],
    columns: &[String],
    values: &[f32],
) -> io::Result<()> {
    let mut archive = ZipWriter::new(out);
    texts(&mut archive, LABELS, labels)?;
    archive.entry(&format!("{EMBEDDINGS}.npy"), |out| {
        out.write_all(&header("<f4", &[labels.len(), columns.len()]))?;
        values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
    })?;
    texts(&mut archive, COLUMNS, columns)?;
    archive.finish()
}

fn texts(archive: &mut ZipWriter<'_>, name: &str, texts: &[String]) -> io::Result<()> {
    let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
    archive.entry(&format!("{name}.npy"), |out| {
        out.write_all(&header(&format!("<U{width}"), &[texts.len()]))?;
        for text in texts {
            let mut padded = vec![0; width * UTF32];
            for (place, letter) in padded.chunks_exact_mut(UTF32).zip(text.chars()) {
                place.copy_from_slice(&u32::from(letter).to_le_bytes());
            }
            out.write_all(&padded)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{NamedRows, read_npz};
    use super::*;

    fn written(labels: &[String], columns: &[String], values: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_embeddings_npz(&mut bytes, labels, columns, values).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn rows_and_names_come_back_bit_for_bit(
            // Behind a name numpy pads with zeros: a name cannot end in one.
            labels in prop::collection::vec("[^\0]{0,9}", 0..6),
            columns in prop::collection::vec("[a-zµ_0-9]{1,4}", 1..5),
            seed in any::<u32>(),
        ) {
            let n = labels.len() * columns.len();
            let values: Vec<f32> = (0..n as u32)
                .map(|i| f32::from_bits((i ^ seed).wrapping_mul(0x9e37_79b9)))
                .map(|value| if value.is_nan() { -0.0 } else { value })
                .collect();
            let bytes = written(&labels, &columns, &values);
            prop_assert_eq!(&bytes, &written(&labels, &columns, &values));
            let Ok(NamedRows { names, columns: found, n_columns, values: read }) =
                read_npz(&bytes, 1 << 20)
            else { panic!("what is written is read") };
            prop_assert_eq!((names, found, n_columns), (labels, Some(columns.clone()), columns.len()));
            let bits = |value: &f64| (*value as f32).to_bits();
            prop_assert!(read.iter().map(bits).eq(values.iter().map(|value| value.to_bits())));
        }
    }
}
