//! `slides.md`: rows that were printed elsewhere, beside ours.

use crate::table::{Grid, markdown, number};
use pert_metrics::median;

/// A reference table beside the numbers of one method.
#[derive(Debug, Clone, PartialEq)]
pub struct PrintedComparison {
    /// The data set.
    pub dataset: String,
    /// The split rule.
    pub split: String,
    /// Whose numbers stand beside the print.
    pub method: String,
    /// Where the print comes from.
    pub source: Vec<String>,
    /// Its rows.
    pub rows: Vec<BesidePrinted>,
}

/// One printed row.
#[derive(Debug, Clone, PartialEq)]
pub struct BesidePrinted {
    /// What it is about, as far as that is known.
    pub perturbation: String,
    /// Cells, as printed.
    pub n: usize,
    /// R², as printed.
    pub r2: f64,
    /// Fréchet distance, as printed.
    pub fid: f64,
    /// Ours; none where the perturbation was not held out or is not known.
    pub ours: Option<Ours>,
}

/// Our numbers, means over seeds; NaN where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ours {
    /// Held-out real cells.
    pub n: usize,
    /// R² of mean profiles.
    pub r2: f64,
    /// Fréchet distance in the latent space of the evaluation VAE.
    pub fid: f64,
    /// Its floor.
    pub fid_floor: f64,
}

/// `slides.md`: the tables, with a line of medians over the perturbations that have both.
pub fn slides_markdown(comparisons: &[PrintedComparison]) -> String {
    let mut text = String::from(
        "# Printed rows beside ours\n\n\
         n, R² and FID as printed stand beside ours. The latent space of the printed FID, and with it its scale, is not known; ours is \
         that of the evaluation VAE, to be read as a ratio to its floor. A row without our numbers was not held out, or the print does \
         not tell which perturbation it is.\n",
    );
    for comparison in comparisons {
        let PrintedComparison { dataset, split, method, .. } = comparison;
        text.push_str(&format!("\n## {dataset}, {split}: {method}\n\n"));
        for line in comparison.source.iter().filter(|line| !line.is_empty()) {
            text.push_str(&format!("{line}\n"));
        }
        text.push('\n');
        text.push_str(&markdown(grid(&comparison.rows)));
    }
    text
}

fn grid(rows: &[BesidePrinted]) -> Grid {
    let header = [
        "perturbation",
        "n",
        "n printed",
        "R²",
        "R² printed",
        "FID",
        "FID floor",
        "FID / floor",
        "FID printed",
    ];
    let count = |n: usize| if n == 0 { number(f64::NAN) } else { n.to_string() };
    let cells = |row: &BesidePrinted| {
        let nothing = Ours { n: 0, r2: f64::NAN, fid: f64::NAN, fid_floor: f64::NAN };
        let ours = row.ours.unwrap_or(nothing);
        let numbers =
            [ours.r2, row.r2, ours.fid, ours.fid_floor, ours.fid / ours.fid_floor, row.fid];
        let mut cells = vec![row.perturbation.clone(), count(ours.n), count(row.n)];
        cells.extend(numbers.map(number));
        cells
    };
    let mut lines: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let both: Vec<(&BesidePrinted, Ours)> =
        rows.iter().filter_map(|row| Some((row, row.ours?))).collect();
    if !both.is_empty() {
        let middle = |get: &dyn Fn(&(&BesidePrinted, Ours)) -> f64| {
            let values: Vec<f64> = both.iter().map(get).filter(|v| !v.is_nan()).collect();
            median(&values)
        };
        let mut last = vec![format!("median of {} with both", both.len())];
        last.extend([
            format!("{:.0}", middle(&|(_, ours)| ours.n as f64)),
            format!("{:.0}", middle(&|(row, _)| row.n as f64)),
        ]);
        let numbers = [
            middle(&|(_, ours)| ours.r2),
            middle(&|(row, _)| row.r2),
            middle(&|(_, ours)| ours.fid),
            middle(&|(_, ours)| ours.fid_floor),
            middle(&|(_, ours)| ours.fid / ours.fid_floor),
            middle(&|(row, _)| row.fid),
        ];
        last.extend(numbers.map(number));
        lines.push(last);
    }
    let rows = lines
        .into_iter()
        .map(|line| line.into_iter().map(|cell| (cell, false)).collect())
        .collect();
    Grid { header: header.map(str::to_owned).to_vec(), rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_rows_stand_beside_ours_where_there_are_any() {
        let ours = Ours { n: 90, r2: 0.9, fid: 3.0, fid_floor: 1.5 };
        let row = |perturbation: &str, ours| BesidePrinted {
            perturbation: perturbation.into(),
            n: 100,
            r2: 0.8,
            fid: 0.25,
            ours,
        };
        let text = slides_markdown(&[PrintedComparison {
            dataset: "gi".into(),
            split: "reference".into(),
            method: "default".into(),
            source: vec!["Slides.".into()],
            rows: vec![row("A+B", Some(ours)), row("C", None)],
        }]);
        assert!(
            text.contains("| A+B | 90 | 100 | 0.900 | 0.800 | 3.000 | 1.500 | 2.000 | 0.250 |"),
            "{text}"
        );
        assert!(text.contains("| C | – | 100 | – | 0.800 | – | – | – | 0.250 |"), "{text}");
        assert!(text.contains("| median of 1 with both | 90 | 100 |"), "{text}");
    }
}
