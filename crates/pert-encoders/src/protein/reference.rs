//! Reference proteins by name, and variants of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use pert_core::{Residue, Substitution, Variant};

use super::error::ProteinError;
use super::sequence::ProteinSequence;
use crate::nearest::nearest_names;

/// The most bytes of FASTA that are read; the human proteome with all isoforms has 0.1 GB.
const LARGEST_FASTA: u64 = 1 << 30;

/// What every gzip file begins with (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Names suggested for one that is not known.
const N_SUGGESTED: usize = 3;

/// The proteins that variants are variants of.
///
/// A FASTA record has the first word of its header as name: `>KRAS GTPase` is `KRAS`. Where the description has `GN=GENE`, as
/// UniProt writes it, the gene is a name too; and a first word of the form `sp|P01116|RASK_HUMAN` gives the accession
/// `P01116` and the entry `RASK_HUMAN` besides. Names are taken letter by letter: `kras` is not `KRAS`, for mouse and human
/// genes differ by case. No two records may have one first word; a gene that several records share is refused
/// when it is asked for, with their names.
///
/// ```
/// use pert_encoders::ProteinReferences;
/// let fasta = ">sp|P01116|RASK_HUMAN GTPase KRas OS=Homo sapiens OX=9606 GN=KRAS PE=1 SV=1\nMTEYKLVVVG\nAGGVGKSALT\n";
/// let references = ProteinReferences::from_fasta(fasta.as_bytes())?;
/// assert_eq!(references.get("KRAS")?, references.get("P01116")?);
///
/// let mutant = references.apply(&"KRAS p.Gly12Asp".parse()?)?;
/// assert_eq!(mutant.sequence().to_string(), "MTEYKLVVVGADGVGKSALT");
/// let error = references.apply(&"KRAS_G11D".parse()?).unwrap_err().to_string();
/// assert!(error.contains("A (Ala) at position 11, not G (Gly)"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ProteinReferences {
    /// First word of the header, and the sequence.
    proteins: Vec<(String, ProteinSequence)>,
    by_name: BTreeMap<String, Vec<usize>>,
}

impl ProteinReferences {
    /// No protein yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a FASTA file, plain or gzip (told by content).
    ///
    /// # Errors
    /// [`ProteinError::Io`], [`ProteinError::TooLarge`], and what [`from_fasta`](Self::from_fasta) finds.
    pub fn read_fasta(path: impl AsRef<Path>) -> Result<Self, ProteinError> {
        read_bounded(path.as_ref(), LARGEST_FASTA)
    }

    /// Reads FASTA text.
    ///
    /// # Errors
    /// [`ProteinError::Fasta`] with the record's number, [`ProteinError::DuplicateName`], and those of
    /// [`ProteinSequence::parse`].
    pub fn from_fasta(text: impl Read) -> Result<Self, ProteinError> {
        Self::from_records(text, "FASTA")
    }

    fn from_records(text: impl Read, source_name: &str) -> Result<Self, ProteinError> {
        let mut references = Self::new();
        let bad = |record: usize, reason: String| ProteinError::Fasta {
            source_name: source_name.to_owned(),
            record,
            reason,
        };
        let mut reader = noodles_fasta::io::Reader::new(BufReader::new(text));
        for (i, record) in reader.records().enumerate() {
            let record = record.map_err(|e| bad(i + 1, e.to_string()))?;
            let name = std::str::from_utf8(record.name())
                .map_err(|_| bad(i + 1, "the name is no UTF-8 text".into()))?;
            if name.is_empty() {
                return Err(bad(i + 1, "the header names no protein".into()));
            }
            let letters = String::from_utf8_lossy(record.sequence().as_ref()).into_owned();
            let description = record.description().map(|d| d.to_string()).unwrap_or_default();
            references.insert_record(name, &description, &letters)?;
        }
        if references.proteins.is_empty() {
            return Err(bad(1, "there is none".into()));
        }
        Ok(references)
    }

    fn insert_record(
        &mut self,
        name: &str,
        description: &str,
        letters: &str,
    ) -> Result<(), ProteinError> {
        self.insert(name, ProteinSequence::parse(name, letters)?)?;
        let of_uniprot = name.split('|').skip(1).filter(|_| name.contains('|'));
        let gene = description.split_whitespace().find_map(|word| word.strip_prefix("GN="));
        let index = self.proteins.len() - 1;
        for alias in of_uniprot.chain(gene).filter(|alias| !alias.is_empty()) {
            let records = self.by_name.entry(alias.to_owned()).or_default();
            if records.last() != Some(&index) {
                records.push(index);
            }
        }
        Ok(())
    }

    /// Adds a protein by name.
    ///
    /// # Errors
    /// [`ProteinError::DuplicateName`].
    pub fn insert(&mut self, name: &str, sequence: ProteinSequence) -> Result<(), ProteinError> {
        let same_name = |&&i: &&usize| self.proteins[i].0 == name;
        if let Some(first) = self.by_name.get(name).and_then(|known| known.iter().find(same_name)) {
            let second = self.proteins.len() + 1;
            return Err(ProteinError::DuplicateName {
                name: name.to_owned(),
                first: first + 1,
                second,
            });
        }
        self.by_name.entry(name.to_owned()).or_default().push(self.proteins.len());
        self.proteins.push((name.to_owned(), sequence));
        Ok(())
    }

    /// Lets a known protein be called by another name too, `TP53` for a record `P53_HUMAN`; or makes it the one that is
    /// meant by a gene which several records share.
    ///
    /// # Errors
    /// Those of [`get`](Self::get) for the known name, and [`ProteinError::DuplicateName`] for one that is taken.
    ///
    /// ```
    /// use pert_encoders::ProteinReferences;
    /// let mut references = ProteinReferences::from_fasta(&b">P53_HUMAN P04637\nMEEPQSDPSV\n"[..])?;
    /// references.alias("TP53", "P53_HUMAN")?;
    /// assert_eq!(references.get("TP53")?.len(), 10);
    /// # Ok::<(), pert_encoders::ProteinError>(())
    /// ```
    pub fn alias(&mut self, name: &str, known: &str) -> Result<(), ProteinError> {
        let index = self.index(known)?;
        match self.by_name.get(name) {
            Some(records) if !records.contains(&index) => Err(ProteinError::DuplicateName {
                name: name.to_owned(),
                first: records[0] + 1,
                second: index + 1,
            }),
            _ => {
                self.by_name.insert(name.to_owned(), vec![index]);
                Ok(())
            }
        }
    }

    /// What it takes to build it anew: the names of every protein, the record's first, and its letters.
    pub fn state(&self) -> Vec<(Vec<String>, String)> {
        let names = |index: usize| {
            let (record, _) = &self.proteins[index];
            let others =
                self.by_name.iter().filter(|(name, of)| *name != record && of.contains(&index));
            std::iter::once(record).chain(others.map(|(name, _)| name)).cloned().collect()
        };
        let letters =
            |sequence: &ProteinSequence| String::from_utf8_lossy(sequence.letters()).into_owned();
        let proteins = self.proteins.iter().enumerate();
        proteins.map(|(index, (_, sequence))| (names(index), letters(sequence))).collect()
    }

    /// Builds it anew from its [`state`](Self::state).
    ///
    /// # Errors
    /// Those of [`insert`](Self::insert) and [`ProteinSequence::parse`] for a state that was changed.
    pub fn from_state(state: Vec<(Vec<String>, String)>) -> Result<Self, ProteinError> {
        let mut references = Self::new();
        for (names, letters) in state {
            let mut names = names.into_iter();
            let record = names.next().unwrap_or_default();
            references.insert(&record, ProteinSequence::parse(&record, &letters)?)?;
            let index = references.proteins.len() - 1;
            names.for_each(|name| references.by_name.entry(name).or_default().push(index));
        }
        Ok(references)
    }

    /// Number of proteins.
    pub fn len(&self) -> usize {
        self.proteins.len()
    }

    /// Whether there is no protein.
    pub fn is_empty(&self) -> bool {
        self.proteins.is_empty()
    }

    /// Whether a protein has this name.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The protein of a name.
    ///
    /// # Errors
    /// [`ProteinError::UnknownGene`] with the nearest names, [`ProteinError::AmbiguousGene`].
    pub fn get(&self, name: &str) -> Result<&ProteinSequence, ProteinError> {
        Ok(&self.proteins[self.index(name)?].1)
    }

    fn index(&self, name: &str) -> Result<usize, ProteinError> {
        match self.by_name.get(name).map(Vec::as_slice) {
            Some(&[index]) => Ok(index),
            Some(several) => Err(ProteinError::AmbiguousGene {
                gene: name.to_owned(),
                records: several.iter().map(|&i| self.proteins[i].0.clone()).collect(),
            }),
            None => {
                let names = self.by_name.keys().map(String::as_str);
                let nearest = nearest_names(name, names, N_SUGGESTED);
                Err(ProteinError::UnknownGene {
                    gene: name.to_owned(),
                    nearest: nearest.into_iter().map(str::to_owned).collect(),
                })
            }
        }
    }

    /// The protein that a variant makes of its reference.
    ///
    /// A stop ends the protein before its position; what is substituted behind it is checked and then gone. A variant
    /// without gene is one of the only protein.
    ///
    /// # Errors
    /// Those of [`get`](Self::get), [`ProteinError::NoGene`], [`ProteinError::Mismatch`] naming both residues,
    /// [`ProteinError::BeyondEnd`].
    pub fn apply(&self, variant: &Variant) -> Result<Mutant<'_>, ProteinError> {
        let index = match variant.gene() {
            Some(gene) => self.index(gene)?,
            None if self.proteins.len() == 1 => 0,
            None => {
                let variant = variant.to_string();
                return Err(ProteinError::NoGene { variant, n: self.proteins.len() });
            }
        };
        let (name, reference) = &self.proteins[index];
        let protein = variant.gene().unwrap_or(name);
        let mut letters = reference.letters().to_vec();
        let mut stop = None;
        for &substitution in variant.substitutions() {
            let position = substitution.position().get() as usize;
            let Some(&found) = reference.letters().get(position - 1) else {
                let (protein, length) = (protein.to_owned(), reference.len());
                return Err(ProteinError::BeyondEnd { protein, substitution, length });
            };
            if char::from(found) != substitution.from().letter() {
                let (protein, found) = (protein.to_owned(), char::from(found));
                return Err(ProteinError::Mismatch { protein, substitution, found });
            }
            match substitution.to() {
                Residue::Stop => stop = stop.or(Some(position)),
                to => letters[position - 1] = to.letter() as u8,
            }
        }
        letters.truncate(stop.map_or(letters.len(), |position| position - 1));
        let changes = variant.substitutions().iter().copied().filter(|s| {
            !s.is_synonymous()
                && s.to() != Residue::Stop
                && s.position().get() as usize <= letters.len()
        });
        Ok(Mutant {
            name,
            reference,
            changes: changes.collect(),
            stop,
            sequence: ProteinSequence::from_letters(letters),
        })
    }

    /// Reads a label and applies its variant.
    pub(super) fn apply_label(&self, label: &str) -> Result<Mutant<'_>, ProteinError> {
        self.apply(&label.parse()?)
    }
}

/// A protein with the substitutions of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant<'a> {
    name: &'a str,
    reference: &'a ProteinSequence,
    changes: Vec<Substitution>,
    stop: Option<usize>,
    sequence: ProteinSequence,
}

impl<'a> Mutant<'a> {
    /// The reference's name: the first word of its header.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The protein without the variant.
    pub fn reference(&self) -> &'a ProteinSequence {
        self.reference
    }

    /// The substitutions by position that change a residue: neither synonymous ones nor stops, nor what a stop cuts off.
    pub fn changes(&self) -> &[Substitution] {
        &self.changes
    }

    /// The position of the first new stop, counted from 1.
    pub fn stop(&self) -> Option<usize> {
        self.stop
    }

    /// The protein that is made; empty where the first residue became a stop.
    pub fn sequence(&self) -> &ProteinSequence {
        &self.sequence
    }

    /// Whether it is the protein of the reference.
    pub fn is_reference(&self) -> bool {
        self.changes.is_empty() && self.stop.is_none()
    }
}

fn read_bounded(path: &Path, limit: u64) -> Result<ProteinReferences, ProteinError> {
    let io = |source| ProteinError::io("read", path, source);
    let mut start = Vec::new();
    let mut file = File::open(path).map_err(io)?;
    file.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut start).map_err(io)?;
    let zipped = start == GZIP_MAGIC;
    let file = std::io::Cursor::new(start).chain(file);
    let reader: Box<dyn Read> =
        if zipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    // Read whole before it is parsed, so that a file cut at the limit is never taken for a complete one.
    let mut text = Vec::new();
    reader.take(limit + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > limit {
        return Err(ProteinError::TooLarge { path: path.to_owned(), limit });
    }
    ProteinReferences::from_records(text.as_slice(), &path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use proptest::prelude::*;

    const FASTA: &str = "\
>sp|P01116|RASK_HUMAN GTPase KRas OS=Homo sapiens GN=KRAS PE=1
mteyklvvvg
AGGVGKSALT
>TP53 tumour suppressor
MEEPQSDPSVEPPLSQ
>tr|A0A0|A0A0_HUMAN another GN=HRAS
MTEYK
>tr|A0A1|A0A1_HUMAN isoform GN=HRAS
MTEYKL
";

    fn references() -> ProteinReferences {
        ProteinReferences::from_fasta(FASTA.as_bytes()).unwrap()
    }

    #[test]
    fn the_state_keeps_every_name() {
        let again = ProteinReferences::from_state(references().state()).unwrap();
        assert_eq!(again.len(), 4);
        for name in ["sp|P01116|RASK_HUMAN", "P01116", "RASK_HUMAN", "KRAS", "TP53", "A0A1"] {
            assert_eq!(again.get(name).unwrap(), references().get(name).unwrap(), "{name}");
        }
        // Shared by two records: as unclear as before.
        let unclear = |of: &ProteinReferences| of.get("HRAS").unwrap_err().to_string();
        assert_eq!(unclear(&again), unclear(&references()));
    }

    fn apply(label: &str) -> Result<String, String> {
        let references = references();
        let mutant = references.apply_label(label).map_err(|e| e.to_string())?;
        Ok(mutant.sequence().to_string())
    }

    #[test]
    fn headers_give_the_names_that_are_documented() {
        let references = references();
        assert_eq!(references.len(), 4);
        let kras = references.get("KRAS").unwrap();
        assert_eq!(kras.to_string(), "MTEYKLVVVGAGGVGKSALT");
        for name in ["sp|P01116|RASK_HUMAN", "P01116", "RASK_HUMAN"] {
            assert_eq!(references.get(name).unwrap(), kras, "{name}");
        }
        assert_eq!(references.get("TP53").unwrap().len(), 16);
        let message = references.get("HRAS").unwrap_err().to_string();
        assert!(message.contains("tr|A0A0|A0A0_HUMAN and tr|A0A1|A0A1_HUMAN"), "{message}");
        let message = references.get("TP35").unwrap_err().to_string();
        assert!(message.contains("nearest names: TP53"), "{message}");
    }

    #[test]
    fn variants_change_their_reference() {
        for (label, expected) in [
            ("KRAS_G12D", "MTEYKLVVVGADGVGKSALT"),
            ("KRAS:p.[Gly13Val;Gly12Asp]", "MTEYKLVVVGADVVGKSALT"),
            ("KRAS_G12=", "MTEYKLVVVGAGGVGKSALT"),
            ("KRAS_K5*", "MTEY"),
            ("KRAS_K5*_G12D", "MTEY"),
            ("KRAS_M1*", ""),
            ("P01116:T20U", "MTEYKLVVVGAGGVGKSALU"),
        ] {
            assert_eq!(apply(label).as_deref(), Ok(expected), "{label}");
        }
        let references = references();
        let mutant = references.apply_label("KRAS_K5*_G12D_T2=_E3K").unwrap();
        let changes: Vec<String> = mutant.changes().iter().map(ToString::to_string).collect();
        assert_eq!((changes, mutant.stop()), (vec!["E3K".to_owned()], Some(5)));
        assert!(references.apply_label("KRAS_G12=").unwrap().is_reference());
    }

    #[test]
    fn what_does_not_fit_the_reference_is_told() {
        for (label, words) in [
            ("KRAS_A12D", "G (Gly) at position 12, not A (Ala)"),
            ("KRAS_A12=", "G (Gly) at position 12, not A (Ala)"),
            ("KRAS_K5*_A12D", "G (Gly) at position 12, not A (Ala)"),
            ("KRAS_G21D", "position 21 is behind the last residue, 20"),
            ("KRAS_*21R", "lost stop"),
            ("KRAS_*12R", "G (Gly) at position 12, not * (Ter)"),
            ("KRAX_G12D", "nearest names: KRAS"),
            ("G12D", "4 proteins are known"),
            ("KRAS", "position"),
        ] {
            let message = apply(label).unwrap_err();
            assert!(message.contains(words), "{label}: {message}");
        }
        let one = ProteinReferences::from_fasta(&b">KRAS\nMTX"[..]).unwrap();
        assert_eq!(one.apply_label("T2S").unwrap().sequence().to_string(), "MSX");
        let message = one.apply_label("G3S").unwrap_err().to_string();
        assert!(message.contains("X (not one residue)"), "{message}");
    }

    #[test]
    fn what_is_no_fasta_is_told() {
        for (text, words) in [
            ("", "there is none"),
            ("MTEYK\n", "record 1"),
            (">\nMTEYK\n", "record 1"),
            (">A\n", "A has no residue"),
            (">A\nMT\n>A\nMT\n", "records 1 and 2"),
            (">A\nMT-K\n", "A, position 3"),
        ] {
            let message = ProteinReferences::from_fasta(text.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(words), "{text:?}: {message}");
        }
        let mut references = references();
        assert!(
            references.alias("KRAS", "TP53").is_err() && references.alias("K", "NONE").is_err()
        );
        references.alias("P53", "TP53").unwrap();
        assert_eq!(references.get("P53").unwrap(), references.get("TP53").unwrap());
    }

    #[test]
    fn files_are_read_plain_and_zipped_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fasta.gz");
        let mut gz =
            flate2::write::GzEncoder::new(File::create(&path).unwrap(), Default::default());
        gz.write_all(FASTA.as_bytes()).unwrap();
        gz.finish().unwrap();
        assert_eq!(ProteinReferences::read_fasta(&path).unwrap().len(), 4);
        let limit = FASTA.len() as u64;
        assert!(read_bounded(&path, limit).is_ok());
        assert!(matches!(read_bounded(&path, limit - 1), Err(ProteinError::TooLarge { .. })));
        let missing = ProteinReferences::read_fasta(folder.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("none"), "{missing}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = ProteinReferences::from_fasta(bytes.as_slice());
            let _ = ProteinReferences::from_fasta([b">A ", bytes.as_slice()].concat().as_slice());
        }
    }
}
