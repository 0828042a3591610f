//! The similarity curve of the embedding.

/// Points at which the curve is fitted, on `[0, 3 · spread]` (umap-learn).
const N_POINTS: usize = 300;
const MAX_ITERATIONS: usize = 500;
/// Keeps the repulsion of points that fall together finite (umap-learn).
const EPS: f64 = 1e-3;
/// Squared distances 2^-20 … 2^16 are tabulated; beyond, the factor of the nearest one holds.
const OCTAVES: std::ops::Range<i32> = -20..16;
/// Pieces per doubling: linear interpolation is then right to 1e-3, far below the noise of sampling.
const PIECES: usize = 32;
/// An `f32` has 23 bits of fraction; the upper five number the piece.
const PIECE_SHIFT: u32 = 23 - PIECES.ilog2();

/// v(d) = 1 / (1 + a·d^{2b}): how strongly two points at distance d of the embedding count as neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Curve {
    pub(super) a: f32,
    pub(super) b: f32,
}

impl Curve {
    /// The least-squares fit to 1 up to `min_dist` and exp(−(d − min_dist)/spread) beyond
    /// (McInnes et al. 2018, Definition 11), by Levenberg–Marquardt steps in (ln a, ln b).
    pub(super) fn fit(min_dist: f64, spread: f64) -> Self {
        let points: Vec<(f64, f64)> = (0..N_POINTS)
            .map(|i| {
                let d = 3.0 * spread * i as f64 / (N_POINTS - 1) as f64;
                (d, if d < min_dist { 1.0 } else { (-(d - min_dist) / spread).exp() })
            })
            .collect();
        let value = |d: f64, a: f64, b: f64| 1.0 / (1.0 + a * d.powf(2.0 * b));
        let loss = |a: f64, b: f64| -> f64 {
            points.iter().map(|&(d, target)| (value(d, a, b) - target).powi(2)).sum()
        };
        let (mut a, mut b, mut damping) = (1.0f64, 1.0f64, 1e-3);
        let mut current = loss(a, b);
        for _ in 0..MAX_ITERATIONS {
            let (mut h_aa, mut h_ab, mut h_bb, mut g_a, mut g_b) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for &(d, target) in points.iter().skip(1) {
                let v = value(d, a, b);
                // v(1 − v) = a d^{2b} v²; the derivatives by ln a and ln b follow.
                let (by_a, by_b) = (-v * (1.0 - v), -v * (1.0 - v) * 2.0 * b * d.ln());
                let residual = v - target;
                h_aa += by_a * by_a;
                h_ab += by_a * by_b;
                h_bb += by_b * by_b;
                g_a += by_a * residual;
                g_b += by_b * residual;
            }
            let (d_aa, d_bb) = (h_aa * (1.0 + damping), h_bb * (1.0 + damping));
            let determinant = d_aa * d_bb - h_ab * h_ab;
            let step_a = (d_bb * g_a - h_ab * g_b) / determinant;
            let step_b = (d_aa * g_b - h_ab * g_a) / determinant;
            let (new_a, new_b) = (a * (-step_a).exp(), b * (-step_b).exp());
            let new = loss(new_a, new_b);
            if new <= current {
                (a, b, current, damping) = (new_a, new_b, new, damping * 0.1);
                if step_a.abs().max(step_b.abs()) < 1e-12 {
                    break;
                }
            } else {
                damping *= 10.0;
            }
        }
        Self { a: a as f32, b: b as f32 }
    }
}

/// A function of the squared distance, piecewise linear between points spaced evenly in each doubling: the
/// leading bits of the number are the index of its piece, which is what makes it faster than a power.
#[derive(Debug, Clone)]
struct Factor {
    /// Value at the left end of a piece, and change over the piece.
    pieces: Vec<[f32; 2]>,
}

impl Factor {
    fn new(f: impl Fn(f64) -> f64) -> Self {
        let left = |piece: usize| {
            let octave = OCTAVES.start + (piece / PIECES) as i32;
            f(2f64.powi(octave) * (1.0 + (piece % PIECES) as f64 / PIECES as f64))
        };
        let n_pieces = OCTAVES.len() * PIECES;
        let pieces =
            (0..n_pieces).map(|i| [left(i) as f32, (left(i + 1) - left(i)) as f32]).collect();
        Self { pieces }
    }

    #[inline]
    fn at(&self, squared: f32) -> f32 {
        let first = f32::from_bits(((127 + OCTAVES.start) as u32) << 23);
        let bits = squared.max(first).to_bits();
        let piece = ((bits - first.to_bits()) >> PIECE_SHIFT) as usize;
        let within = (bits & ((1 << PIECE_SHIFT) - 1)) as f32 / (1 << PIECE_SHIFT) as f32;
        let [value, change] = self.pieces[piece.min(self.pieces.len() - 1)];
        value + change * within
    }
}

/// The factors of (other − y) in the gradient steps, as functions of the squared distance d².
#[derive(Debug, Clone)]
pub(super) struct Forces {
    attraction: Factor,
    repulsion: Factor,
}

impl Forces {
    pub(super) fn new(curve: Curve) -> Self {
        let (a, b) = (f64::from(curve.a), f64::from(curve.b));
        Self {
            attraction: Factor::new(|squared| {
                2.0 * a * b * squared.powf(b - 1.0) / (1.0 + a * squared.powf(b))
            }),
            repulsion: Factor::new(|squared| {
                2.0 * b / ((EPS + squared) * (1.0 + a * squared.powf(b)))
            }),
        }
    }

    /// 2ab d^{2b−2} / (1 + a d^{2b}): the pull of −∂(−ln v)/∂y.
    #[inline]
    pub(super) fn attraction(&self, squared: f32) -> f32 {
        self.attraction.at(squared)
    }

    /// 2b / ((ε + d²)(1 + a d^{2b})): the push of −∂(−ln(1 − v))/∂y, ε = 0.001 so that it stays finite.
    #[inline]
    pub(super) fn repulsion(&self, squared: f32) -> f32 {
        self.repulsion.at(squared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Expected {
        curves: Vec<[f64; 4]>,
    }

    #[test]
    fn a_and_b_are_those_of_umap_learn() {
        let expected: Expected = pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "umap_graph");
        assert!(expected.curves.len() >= 4);
        for [min_dist, spread, a, b] in expected.curves {
            let curve = Curve::fit(min_dist, spread);
            // scipy's curve_fit stops at 1.5e-8; ours are f32.
            approx::assert_relative_eq!(f64::from(curve.a), a, max_relative = 1e-5);
            approx::assert_relative_eq!(f64::from(curve.b), b, max_relative = 1e-5);
        }
    }

    #[test]
    fn the_forces_are_the_gradients_of_the_cross_entropy() {
        let (a, b) = (1.577, 0.895);
        let forces = Forces::new(Curve { a: a as f32, b: b as f32 });
        let similarity = |d: f64| 1.0 / (1.0 + a * d.powf(2.0 * b));
        for i in 1..200 {
            let d = 0.05 * f64::from(i);
            let squared = (d * d) as f32;
            let slope = |f: &dyn Fn(f64) -> f64| (f(d + 1e-5) - f(d - 1e-5)) / 2e-5;
            let pull = slope(&|d| -similarity(d).ln()) / d;
            let push = -slope(&|d| -(1.0 - similarity(d)).ln()) / d;
            // The table is right to 1e-3; ε changes the push by ε/d² at most.
            approx::assert_relative_eq!(
                f64::from(forces.attraction(squared)),
                pull,
                max_relative = 1e-3
            );
            approx::assert_relative_eq!(
                f64::from(forces.repulsion(squared)),
                push * d * d / (d * d + EPS),
                max_relative = 1e-3
            );
        }
    }

    #[test]
    fn distances_beyond_the_table_have_finite_forces() {
        let forces = Forces::new(Curve { a: 1.577, b: 0.895 });
        for squared in [0.0, 1e-30, 1e30, f32::INFINITY] {
            assert!(forces.attraction(squared).is_finite() && forces.repulsion(squared) >= 0.0);
        }
    }
}
