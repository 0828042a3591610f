//! Rows of tokens through a network, each as if it were alone.

use burn::tensor::{Device, Tensor, TensorData};
use pert_nn::ops::in_memory;
use rayon::prelude::*;

/// Rows that go through a device other than the processor together.
const DEVICE_BATCH: usize = 16;

/// 1 behind the end of rows that are shorter than the longest, `[n, longest]`; none where all have one length.
pub(crate) fn padding<T>(rows: &[Vec<T>], longest: usize, device: &Device) -> Option<Tensor<2>> {
    rows.iter().any(|row| row.len() < longest).then(|| {
        let of_row =
            |row: &Vec<T>| (0..longest).map(|i| f32::from(u8::from(i >= row.len()))).collect();
        let values: Vec<f32> = rows.iter().flat_map::<Vec<f32>, _>(of_row).collect();
        Tensor::from_data(TensorData::new(values, [rows.len(), longest]), device)
    })
}

/// Applies `reduce` to the states of every row's tokens, `[n_tokens, width]`, in order.
///
/// On the processor each row goes through the network alone, rows side by side: a row's numbers depend on nothing else, and there
/// is no padding. Elsewhere rows of one length go together.
pub(crate) fn map_rows<T: Clone + Sync, R: Send>(
    rows: &[Vec<T>],
    device: &Device,
    forward: impl Fn(&[Vec<T>]) -> Tensor<3> + Sync,
    reduce: impl Fn(usize, &[f32]) -> R + Sync,
) -> Vec<R> {
    if in_memory(device) {
        let one = |(i, row)| reduce(i, &host(forward(std::slice::from_ref(row))));
        return rows.par_iter().enumerate().map(one).collect();
    }
    let mut found = Vec::with_capacity(rows.len());
    for same_length in rows.chunk_by(|a, b| a.len() == b.len()) {
        for batch in same_length.chunks(DEVICE_BATCH) {
            let states = forward(batch);
            let [_, n_tokens, width] = states.dims();
            for states in host(states).chunks_exact(n_tokens * width) {
                found.push(reduce(found.len(), states));
            }
        }
    }
    found
}

/// The sum of rows of states, in f64. `[width]`
pub(crate) fn sum_of_rows(states: &[f32], width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for row in states.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sums
}

/// The numbers of a tensor.
pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("the network computes in f32")
}
