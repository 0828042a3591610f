//! Embeds a table of numbers in the plane: `umap_file IN.npy OUT.npy [SEED] [REPEATS]`.
//!
//! IN.npy: 32-bit floats, C order, `[n, n_columns]`, as `numpy.save` writes them. OUT.npy: `[n, 2]`. Prints the seconds
//! of each fit, one a line; `benches/peers/compare_umap.py` compares them with umap-learn's.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use pert_report::{Umap, UmapConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: umap_file IN.npy OUT.npy [SEED] [REPEATS]";
    let (input, output) = arguments.next().zip(arguments.next()).ok_or(usage)?;
    let seed = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let repeats: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let (x, n_columns) = read_npy(&input.into())?;
    let mut embedding = Vec::new();
    for _ in 0..repeats {
        let start = Instant::now();
        let umap = Umap::fit(&x, n_columns, &UmapConfig::new(seed))?;
        println!("{:.4}", start.elapsed().as_secs_f64());
        embedding = umap.embedding().to_vec();
    }
    fs::write(output, npy(&embedding))?;
    Ok(())
}

/// The magic bytes and version 1.0 of the format (numpy.lib.format).
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// Values and number of columns of a C-ordered `<f4` matrix.
fn read_npy(path: &PathBuf) -> Result<(Vec<f32>, usize), Box<dyn Error>> {
    let bytes = fs::read(path)?;
    let rest = bytes.strip_prefix(MAGIC).ok_or("not a .npy file of version 1.0")?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or("the file ends early")?;
    let length = usize::from(u16::from_le_bytes(*length));
    let (header, data) = rest.split_at_checked(length).ok_or("the file ends early")?;
    let header = std::str::from_utf8(header)?;
    if !header.contains("'<f4'") || !header.contains("'fortran_order': False") {
        return Err(format!("expected '<f4' in C order, found {header}").into());
    }
    let shape = header.split(['(', ')']).nth(1).ok_or("the header has no shape")?;
    let n_columns = shape.split(',').nth(1).ok_or("the shape has one axis")?.trim().parse()?;
    let values = data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    Ok((values, n_columns))
}

/// An `[n, 2]` matrix as a file.
fn npy(values: &[f32]) -> Vec<u8> {
    let shape = format!("({}, 2)", values.len() / 2);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    // The header ends in a line break, and the values start at a multiple of 64.
    let length = (MAGIC.len() + 2 + header.len() + 1).next_multiple_of(64) - MAGIC.len() - 2;
    let mut file = MAGIC.to_vec();
    file.extend((length as u16).to_le_bytes());
    file.extend(format!("{header:<width$}\n", width = length - 1).into_bytes());
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    file
}
