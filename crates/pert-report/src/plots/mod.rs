//! Pictures: one figure, drawn as SVG and as PNG. PNG text is set in a font that comes with the crate.

mod boxes;
mod canvas;
mod cells;
mod delta;
mod floor;
mod panels;

use std::path::Path;

use kuva::prelude::{Figure, PngBackend, SvgBackend};
use kuva::render::render::Scene;
use pert_core::{seeded_rng, shuffled_indices};

use crate::{Error, write_file};

pub use boxes::metric_boxes;
pub use cells::{Axes, CellScatter, Highlight, scatter_real_generated};
pub use delta::{DeltaScatter, delta_scatter};
pub use floor::{FloorAt, FloorScatter, floor_scatter};
pub use panels::{AxisScale, Mark, Series, XyPanel, xy_panels};

/// Okabe & Ito's palette, told apart under every common colour blindness.
const BLUE: &str = "#0072B2";
const VERMILLION: &str = "#D55E00";
const SKY: &str = "#9BC8E6";
const ORANGE: &str = "#F2A65A";
const GREEN: &str = "#009E73";
const PURPLE: &str = "#CC79A7";
const GREY: &str = "#7F7F7F";
const PALE: &str = "#D0D0D0";
/// Pixels of the PNG per unit of the SVG: sharp at the width of a README on a dense screen.
const PNG_SCALE: f32 = 2.0;
const TITLE_SIZE: u32 = 17;
const LABEL_SIZE: u32 = 15;

/// One picture in both formats.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// SVG text; fonts are named, not embedded.
    pub svg: String,
    /// PNG bytes at twice the size of the SVG.
    pub png: Vec<u8>,
}

impl Picture {
    fn from_scene(scene: &Scene) -> Result<Self, Error> {
        let png =
            PngBackend::new().with_scale(PNG_SCALE).render_scene(scene).map_err(Error::Png)?;
        Ok(Self { svg: with_stable_ids(&SvgBackend::new().render_scene(scene)), png })
    }

    fn figure(figure: Figure) -> Result<Self, Error> {
        Self::from_scene(&figure.render())
    }

    /// Writes `folder/name.svg` and `folder/name.png`.
    ///
    /// # Errors
    /// [`Error::Write`] with the path, when the folder is missing or not writable.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// let picture = pert_report::Picture { svg: "<svg/>".into(), png: b"\x89PNG".to_vec() };
    /// picture.write(folder.path(), "cells")?;
    /// assert_eq!(std::fs::read_to_string(folder.path().join("cells.svg"))?, picture.svg);
    /// assert_eq!(std::fs::read(folder.path().join("cells.png"))?, picture.png);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, folder: &Path, name: &str) -> Result<(), Error> {
        write_file(&folder.join(format!("{name}.svg")), &self.svg)?;
        write_file(&folder.join(format!("{name}.png")), &self.png)
    }
}

/// The plotting crate numbers its clip paths from a counter of the process; here they count from 1 in every
/// picture, so that the same figure is the same bytes.
fn with_stable_ids(svg: &str) -> String {
    const PREFIX: &str = "kuva-clip-";
    let mut seen: Vec<&str> = Vec::new();
    let mut parts = svg.split(PREFIX);
    let mut out = String::with_capacity(svg.len());
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let n_digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (id, rest) = part.split_at(n_digits);
        let place = seen.iter().position(|other| *other == id).unwrap_or_else(|| {
            seen.push(id);
            seen.len() - 1
        });
        out.push_str(&format!("clip-{}{rest}", place + 1));
    }
    out
}

/// Text as it is: the plotting crate reads `$…$` as a formula.
fn literal(text: &str) -> String {
    text.replace('$', "\\$")
}

/// At most `most` of `n` indices, ascending. A random part with a fixed seed, the same for every picture: an
/// evenly spaced one would miss whole groups where labels take turns.
fn sample(n: usize, most: usize) -> Vec<usize> {
    let mut indices = shuffled_indices(n, &mut seeded_rng(0, "picture"));
    indices.truncate(most);
    indices.sort_unstable();
    indices
}

/// 12345 as 12,345.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_left_out_do_not_follow_the_order_of_labels() {
        assert_eq!(sample(3, 4), [0, 1, 2]);
        assert!(sample(0, 4).is_empty());
        let shown = sample(3_000, 150);
        assert!(shown.len() == 150 && shown.windows(2).all(|w| w[0] < w[1]));
        // Twelve labels taking turns: 12.5 of each are expected.
        let counts = shown.iter().fold([0; 12], |mut counts, i| {
            counts[i % 12] += 1;
            counts
        });
        assert!(counts.iter().all(|n| (4..=24).contains(n)), "{counts:?}");
    }

    #[test]
    fn clip_paths_are_numbered_from_one() {
        let svg = with_stable_ids("a kuva-clip-41 b kuva-clip-7\" c url(#kuva-clip-41)");
        assert_eq!(svg, "a clip-1 b clip-2\" c url(#clip-1)");
    }

    #[test]
    fn text_is_shown_as_it_is() {
        assert_eq!(literal("a$b$"), "a\\$b\\$");
        assert_eq!([grouped(7), grouped(1234), grouped(1234567)], ["7", "1,234", "1,234,567"]);
    }
}
