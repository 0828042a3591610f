//! Times one metric on two populations and prints a line of JSON; `benches/peers/compare_metrics.py` runs it.
//!
//! Usage: `time_metrics fid|energy|mmd X Y N_COLUMNS`, X and Y files of little-endian f64, row after row.

use std::error::Error;
use std::time::Instant;

use pert_metrics::{Gaussian, Rows, energy_distance, frechet_distance, mmd};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [metric, x, y, n_columns] = &arguments[..] else {
        return Err("usage: time_metrics fid|energy|mmd X Y N_COLUMNS".into());
    };
    let n_columns: usize = n_columns.parse()?;
    let (x, y) = (read(x)?, read(y)?);
    let (x, y) = (Rows::new(&x, n_columns)?, Rows::new(&y, n_columns)?);
    let compute = || -> Result<f64, Box<dyn Error>> {
        match metric.as_str() {
            "fid" => Ok(frechet_distance(&Gaussian::fit(x)?, &Gaussian::fit(y)?)),
            "energy" => Ok(energy_distance(x, y)),
            "mmd" => Ok(mmd(x, y)),
            other => Err(format!("unknown metric {other}").into()),
        }
    };
    let timed = || -> Result<(f64, f64), Box<dyn Error>> {
        let start = Instant::now();
        Ok((compute()?, start.elapsed().as_secs_f64()))
    };
    let (mut value, mut seconds) = timed()?;
    // The first call starts threads and touches memory: where that shows, the second is timed.
    if seconds < 1.0 {
        (value, seconds) = timed()?;
    }
    let line = serde_json::json!({
        "metric": metric,
        "value": value,
        "seconds": seconds,
        "peak_mb": peak_mb(),
    });
    println!("{line}");
    Ok(())
}

fn read(path: &str) -> std::io::Result<Vec<f64>> {
    let bytes = std::fs::read(path)?;
    Ok(bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
}

/// Peak resident memory of this process in 10⁶ bytes, files included; none where the system does not tell.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}
