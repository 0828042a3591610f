//! Which annotations count, by their evidence.

use std::collections::BTreeSet;

use super::error::OntologyError;

/// The evidence codes of the Gene Ontology (geneontology.org, "Guide to GO evidence codes").
const CODES: [&str; 26] = [
    "EXP", "IDA", "IPI", "IMP", "IGI", "IEP", "HTP", "HDA", "HMP", "HGI", "HEP", "IBA", "IBD",
    "IKR", "IRD", "ISS", "ISO", "ISA", "ISM", "IGC", "RCA", "TAS", "NAS", "IC", "ND", "IEA",
];

/// How many of [`CODES`] stand for experiments on the gene itself, from the first on.
const N_EXPERIMENTAL: usize = 11;

/// Which evidence codes count.
///
/// ```
/// use pert_encoders::Evidence;
/// let experimental = Evidence::experimental();
/// assert!(experimental.counts("IDA") && !experimental.counts("IEA"));
/// let curated = Evidence::except(["IEA", "ND"])?; // without electronic annotation and "no data"
/// assert!(curated.counts("TAS") && !curated.counts("IEA"));
/// assert!(Evidence::only(["iea"]).is_err()); // codes are upper-case
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    rule: Rule,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Rule {
    #[default]
    All,
    Only(BTreeSet<&'static str>),
    Except(BTreeSet<&'static str>),
}

impl Evidence {
    /// Every code counts: the default.
    pub fn all() -> Self {
        Self::default()
    }

    /// Experiments alone, those of high throughput included: EXP, IDA, IPI, IMP, IGI, IEP, HTP, HDA, HMP, HGI, HEP.
    pub fn experimental() -> Self {
        Self { rule: Rule::Only(CODES[..N_EXPERIMENTAL].iter().copied().collect()) }
    }

    /// The codes given alone.
    ///
    /// # Errors
    /// [`OntologyError::UnknownEvidence`].
    pub fn only<'a>(codes: impl IntoIterator<Item = &'a str>) -> Result<Self, crate::Error> {
        Ok(Self { rule: Rule::Only(known(codes)?) })
    }

    /// All but the codes given.
    ///
    /// # Errors
    /// [`OntologyError::UnknownEvidence`].
    pub fn except<'a>(codes: impl IntoIterator<Item = &'a str>) -> Result<Self, crate::Error> {
        Ok(Self { rule: Rule::Except(known(codes)?) })
    }

    /// Whether an annotation of this evidence counts.
    pub fn counts(&self, code: &str) -> bool {
        match &self.rule {
            Rule::All => true,
            Rule::Only(codes) => codes.contains(code),
            Rule::Except(codes) => !codes.contains(code),
        }
    }
}

fn known<'a>(
    codes: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeSet<&'static str>, OntologyError> {
    let find = |code: &str| {
        CODES
            .into_iter()
            .find(|known| *known == code)
            .ok_or_else(|| OntologyError::UnknownEvidence { code: code.to_owned(), known: &CODES })
    };
    codes.into_iter().map(find).collect()
}
