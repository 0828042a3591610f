//! Training of the network that encodes molecules.

use std::path::Path;

use burn::tensor::Device;
use pert_core::seeded_rng;
use pert_encoders::{
    SaltRule, SmilesCorpus, SmilesVae, SmilesVaeConfig, SmilesVaeTrainConfig, SmilesVaeTrainer,
    share_of_valid,
};

use crate::Error;
use crate::progress::Progress;
use crate::smiles_network::SmilesNetworkReport;

/// Molecules held out that are decoded, and molecules drawn: a share of one half is then known to 2%.
const N_JUDGED: usize = 512;
/// Texts read between two reports of progress.
const BLOCK: usize = 2000;

/// How a [`SmilesVae`] is trained on a file of molecules.
///
/// ```
/// use pert_encoders::{SmilesVaeConfig, SmilesVaeTrainConfig};
/// use pert_pipeline::{DeviceChoice, PretrainSmiles, Silent};
/// # let folder = tempfile::tempdir().expect("a scratch folder");
/// let corpus = folder.path().join("molecules.txt");
/// std::fs::write(&corpus, "CCO\nCCN\nCCC\nCCCC\nCCl\nc1cccc1\n").expect("writes");
/// let config = PretrainSmiles {
///     network: SmilesVaeConfig { d_latent: 2, d_hidden: 8, longest: 10, ..Default::default() },
///     training: SmilesVaeTrainConfig { steps: 2, held_out: 0.2, least_molecules: 1, ..Default::default() },
///     seed: 0,
/// };
/// let (network, report) = config.train(&corpus, &DeviceChoice::Cpu.open()?, &mut Silent)?;
/// assert_eq!((network.encode(&["CCO"]).expect("known tokens").len(), report.n_judged), (2, 1));
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PretrainSmiles {
    /// Sizes.
    pub network: SmilesVaeConfig,
    /// Training.
    pub training: SmilesVaeTrainConfig,
    /// Seed of the first weights, of what is held out, and of every draw.
    pub seed: u64,
}

impl PretrainSmiles {
    /// Reads molecules, trains, and judges on those held out.
    ///
    /// Texts that are no molecule, molecules that stand twice, and those too long or with rare tokens are left out, and told.
    ///
    /// # Errors
    /// Settings out of range, a file that cannot be read or holds nothing to learn from; [`Error::Interrupted`] when
    /// `progress` breaks off.
    pub fn train(
        &self,
        corpus: &Path,
        device: &Device,
        progress: &mut dyn Progress,
    ) -> Result<(SmilesVae, SmilesNetworkReport), Error> {
        let molecules = read_corpus(corpus, progress)?;
        let mut rng = seeded_rng(self.seed, "smiles vae");
        let trainer =
            SmilesVaeTrainer::new(&molecules, &self.network, &self.training, &mut rng, device);
        let mut trainer = trainer.map_err(molecule)?;
        let n_molecules = trainer.n_molecules();
        progress.note(&format!(
            "{n_molecules} molecules to learn from, {} held out, {} left out for their length or a rare token",
            trainer.held_out().len(),
            trainer.n_left_out()
        ));
        progress.begin("training the SMILES network", self.training.steps);
        while trainer.steps_done() < self.training.steps {
            let step = trainer.step().map_err(molecule)?;
            if progress.step(step.step, Some(step.reconstruction)).is_break() {
                return Err(Error::Interrupted);
            }
        }
        progress.end();
        let (network, held_out) = trainer.finish();
        let report = self.judge(&network, &held_out, n_molecules)?;
        Ok((network, report))
    }

    fn judge(
        &self,
        network: &SmilesVae,
        held_out: &[String],
        n_molecules: usize,
    ) -> Result<SmilesNetworkReport, Error> {
        let judged = &held_out[..N_JUDGED.min(held_out.len())];
        let (mut reconstruction, mut valid_decoded) = (None, None);
        if !judged.is_empty() {
            reconstruction = Some(network.reconstruction(judged).map_err(molecule)?);
            let decoded = network.decode(&network.encode(judged).map_err(molecule)?);
            valid_decoded = Some(share_of_valid(&decoded));
        }
        let drawn = network.sample(N_JUDGED, &mut seeded_rng(self.seed, "smiles vae/drawn"));
        Ok(SmilesNetworkReport {
            steps: self.training.steps,
            seed: self.seed,
            n_molecules,
            n_judged: judged.len(),
            token_accuracy: reconstruction.map(|r| r.token_accuracy),
            exact: reconstruction.map(|r| r.exact),
            valid_decoded,
            valid_drawn: share_of_valid(&drawn),
        })
    }
}

/// Distinct molecules of a file, by canonical SMILES.
fn read_corpus(path: &Path, progress: &mut dyn Progress) -> Result<Vec<String>, Error> {
    let texts = SmilesCorpus::read(path)?;
    progress.begin("reading molecules", texts.len());
    let (mut molecules, mut n_refused) = (Vec::new(), 0);
    for (i, block) in texts.chunks(BLOCK).enumerate() {
        let corpus = SmilesCorpus::new(block, SaltRule::LargestPart);
        n_refused += corpus.n_refused();
        molecules.extend(corpus.molecules().iter().cloned());
        if progress.step((i * BLOCK + block.len()).min(texts.len()), None).is_break() {
            return Err(Error::Interrupted);
        }
    }
    progress.end();
    molecules.sort_unstable();
    molecules.dedup();
    let n_repeated = texts.len() - n_refused - molecules.len();
    if n_refused + n_repeated > 0 {
        progress.note(&format!(
            "{}: {n_refused} texts are no molecule and {n_repeated} repeat one; they are left out",
            path.display()
        ));
    }
    Ok(molecules)
}

fn molecule(error: pert_encoders::MoleculeError) -> Error {
    pert_encoders::Error::from(error).into()
}
