//! Perturbations as sets of vectors.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::error::Error;

/// Sets of perturbation tokens, one set per row: one vector for each gene, drug or variant of a perturbation.
///
/// A set has no order: tokens are sorted here, so that A+B and B+A are the same to the last bit, and padding comes last
/// and is zeroed. Every set holds at least one token; an empty perturbation (control) needs a token of its own, a
/// vector of zeros for one.
///
/// ```
/// use burn::tensor::Device;
/// use pert_diffusion::{Error, Tokens};
/// let device = Device::default();
/// let (a, b) = ([1.0, 0.0], [0.0, 2.0]);
/// let both = |tokens: &[[f32; 2]]| Tokens::of_sets(&[&tokens.concat()], 2, &device);
/// let (ab, ba) = (both(&[a, b])?, both(&[b, a])?); // [n = 1, n_tokens = 2, d_token = 2]
/// assert_eq!(ab.values().into_data(), ba.values().into_data());
/// assert_eq!(Tokens::of_sets(&[&a, &[]], 2, &device).map(|_| ()), Err(Error::NoTokens { row: 1 }));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tokens {
    values: Tensor<3>,
    padding: Tensor<2>,
}

impl Tokens {
    /// Sorts and checks sets of which all have room for the same number of tokens.
    ///
    /// # Shapes
    /// `values`: `[n, n_tokens, d_token]`, row-major; `padding`: `[n, n_tokens]`, true where a place holds no token (what
    /// it holds instead does not matter).
    ///
    /// # Errors
    /// [`Error::NoTokens`] for a row of padding alone; [`Error::NonFiniteValue`] for a token that is no number (the column
    /// counts through the tokens of its row); [`Error::LengthMismatch`]; [`Error::InvalidSetting`] for a width of 0.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use pert_diffusion::Tokens;
    /// // Two perturbations in one dimension: {2, 1} and {3}.
    /// let (values, padding) = ([2.0, 1.0, 3.0, f32::NAN], [false, false, false, true]);
    /// let tokens = Tokens::new(&values, &padding, [2, 2, 1], &Device::default())?;
    /// assert_eq!(tokens.values().into_data().iter::<f32>().collect::<Vec<_>>(), [1.0, 2.0, 3.0, 0.0]);
    /// assert_eq!(tokens.padding().into_data().iter::<f32>().collect::<Vec<_>>(), [0.0, 0.0, 0.0, 1.0]);
    /// # Ok::<(), pert_diffusion::Error>(())
    /// ```
    pub fn new(
        values: &[f32],
        padding: &[bool],
        shape: [usize; 3],
        device: &Device,
    ) -> Result<Self, Error> {
        let [n, n_tokens, d_token] = shape;
        check_width(d_token)?;
        Error::check_length("entries of the padding mask", n * n_tokens, padding.len())?;
        Error::check_length("values in the tokens", n * n_tokens * d_token, values.len())?;
        let sets: Vec<Vec<&[f32]>> = (0..n)
            .map(|row| {
                let places = row * n_tokens..(row + 1) * n_tokens;
                let present = places.filter(|&place| !padding[place]);
                present.map(|place| &values[place * d_token..(place + 1) * d_token]).collect()
            })
            .collect();
        Self::sorted(sets, d_token, device)
    }

    /// Sorts and checks sets of any numbers of tokens, each `[n_tokens_of_it, d_token]` row-major.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::RaggedRows`] for a set that does not fill its tokens.
    pub fn of_sets(sets: &[&[f32]], d_token: usize, device: &Device) -> Result<Self, Error> {
        check_width(d_token)?;
        for set in sets {
            if !set.len().is_multiple_of(d_token) {
                let (array, n_values, width) = ("tokens", set.len(), d_token);
                return Err(Error::RaggedRows { array, n_values, width });
            }
        }
        let sets = sets.iter().map(|set| set.chunks_exact(d_token).collect()).collect();
        Self::sorted(sets, d_token, device)
    }

    fn sorted(sets: Vec<Vec<&[f32]>>, d_token: usize, device: &Device) -> Result<Self, Error> {
        let n = sets.len();
        let n_tokens = sets.iter().map(Vec::len).max().unwrap_or(0);
        let mut values = vec![0.0; n * n_tokens * d_token];
        let mut padding = vec![1.0f32; n * n_tokens];
        for (row, mut set) in sets.into_iter().enumerate() {
            if set.is_empty() {
                return Err(Error::NoTokens { row });
            }
            let found = set.concat().into_iter().enumerate().find(|(_, v)| !v.is_finite());
            if let Some((column, value)) = found {
                return Err(Error::NonFiniteValue { what: "tokens", row, column, value });
            }
            set.sort_by(|a, b| {
                let pairs = a.iter().zip(*b);
                pairs
                    .map(|(a, b)| a.total_cmp(b))
                    .find(|o| o.is_ne())
                    .unwrap_or_else(|| a.len().cmp(&b.len()))
            });
            for (i, token) in set.into_iter().enumerate() {
                let place = row * n_tokens + i;
                values[place * d_token..(place + 1) * d_token].copy_from_slice(token);
                padding[place] = 0.0;
            }
        }
        Ok(Self {
            values: Tensor::from_data(TensorData::new(values, [n, n_tokens, d_token]), device),
            padding: Tensor::from_data(TensorData::new(padding, [n, n_tokens]), device),
        })
    }

    /// The tokens, sorted, zeros where there is none, `[n, n_tokens, d_token]`.
    pub fn values(&self) -> Tensor<3> {
        self.values.clone()
    }

    /// 1 where a place holds no token, 0 elsewhere, `[n, n_tokens]`.
    pub fn padding(&self) -> Tensor<2> {
        self.padding.clone()
    }

    /// The sets of the rows asked for.
    ///
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use pert_diffusion::Tokens;
    /// let device = Device::default();
    /// let tokens = Tokens::of_sets(&[&[1.0], &[2.0]], 1, &device)?;
    /// let rows = Tensor::<1, Int>::from_data([1, 1, 0], &device);
    /// let values = tokens.select(rows).values(); // [3, n_tokens = 1, d_token = 1]
    /// assert_eq!(values.into_data().iter::<f32>().collect::<Vec<_>>(), [2.0, 2.0, 1.0]);
    /// # Ok::<(), pert_diffusion::Error>(())
    /// ```
    pub fn select(&self, rows: Tensor<1, Int>) -> Self {
        Self {
            values: self.values.clone().select(0, rows.clone()),
            padding: self.padding.clone().select(0, rows),
        }
    }

    /// These sets `n` times over if there is one for all rows.
    pub(crate) fn expand(self, n: usize) -> Self {
        let [_, n_tokens, d_token] = self.values.dims();
        Self {
            values: self.values.expand([n, n_tokens, d_token]),
            padding: self.padding.expand([n, n_tokens]),
        }
    }

    pub(crate) fn stack(self, below: Self) -> Self {
        Self {
            values: Tensor::cat(vec![self.values, below.values], 0),
            padding: Tensor::cat(vec![self.padding, below.padding], 0),
        }
    }
}

fn check_width(d_token: usize) -> Result<(), Error> {
    if d_token == 0 {
        return Err(Error::setting("d_token", "at least 1", d_token));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_tokens_are_named() {
        let device = Device::default();
        let refused = |values: &[f32], padding: &[bool], shape| {
            Tokens::new(values, padding, shape, &device).map(|_| ()).expect_err("refused")
        };
        let (full, empty) = ([false; 4], [false, false, true, true]);
        assert_eq!(refused(&[0.0; 4], &empty, [2, 2, 1]), Error::NoTokens { row: 1 });
        assert!(matches!(
            refused(&[0.0, 1.0, f32::INFINITY, 0.0], &full, [2, 2, 1]),
            Error::NonFiniteValue { what: "tokens", row: 1, column: 0, .. }
        ));
        assert!(matches!(refused(&[0.0; 3], &full, [2, 2, 1]), Error::LengthMismatch { .. }));
        assert!(matches!(refused(&[0.0; 4], &full[..3], [2, 2, 1]), Error::LengthMismatch { .. }));
        assert!(matches!(refused(&[], &[], [0, 0, 0]), Error::InvalidSetting { .. }));
        let ragged = Tokens::of_sets(&[&[1.0, 2.0, 3.0]], 2, &device).map(|_| ());
        assert_eq!(ragged, Err(Error::RaggedRows { array: "tokens", n_values: 3, width: 2 }));
    }

    #[test]
    fn the_order_of_tokens_and_the_place_of_padding_do_not_matter() {
        let device = Device::default();
        let [a, b, c] = [[1.0, -0.0], [1.0, 0.0], [-3.0, 5.0]];
        let host = |tokens: &[[f32; 2]], padding: &[bool]| {
            let shape = [1, tokens.len(), 2];
            let tokens = Tokens::new(&tokens.concat(), padding, shape, &device).expect("valid");
            (tokens.values().into_data(), tokens.padding().into_data())
        };
        let none = [false; 3];
        let expected = host(&[c, a, b], &none);
        for order in [[a, b, c], [b, c, a], [b, a, c]] {
            assert_eq!(host(&order, &none), expected);
        }
        assert_eq!(host(&[a, b], &[true, false]), host(&[b, c], &[false, true]));
    }
}
