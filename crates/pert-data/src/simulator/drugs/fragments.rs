//! What the compounds of a simulated library are put together from.

/// Ring systems with two places `{a}` and `{b}` on aromatic carbons, no two places alike: heteroaromatic cores and linked
/// rings as they are common in drugs (Welsch et al. 2010). No two have one Bemis–Murcko scaffold.
pub(super) const SCAFFOLDS: [&str; 24] = [
    "c1({a})ccc2ncc({b})cc2c1",                    // quinoline
    "c1({a})ccc2ncnc({b})c2c1",                    // quinazoline
    "c1({a})ccc2[nH]c({b})nc(=O)c2c1",             // quinazolinone
    "c1({a})ccc2[nH]cc({b})c2c1",                  // indole
    "c1({a})ccc2[nH]nc({b})c2c1",                  // indazole
    "c1({a})ccc2[nH]c({b})nc2c1",                  // benzimidazole
    "c1({a})ccc2oc({b})cc2c1",                     // benzofuran
    "c1({a})ccc2oc({b})nc2c1",                     // benzoxazole
    "c1({a})ccc2sc({b})cc2c1",                     // benzothiophene
    "c1({a})ccc2sc({b})nc2c1",                     // benzothiazole
    "c1({a})ccc2oc(=O)cc({b})c2c1",                // coumarin
    "c1({a})ccn2c({b})cnc2c1",                     // imidazopyridine
    "c1({b})cnc2c({a})cnn2c1",                     // pyrazolopyrimidine
    "c1({a})cc2c({b})ncnc2[nH]1",                  // pyrrolopyrimidine
    "c1({a})ccc(cc1)-c1cncc({b})c1",               // phenylpyridine
    "c1({a})ccc(cc1)-c1csc({b})n1",                // phenylthiazole
    "c1({a})ccc(cc1)-c1nnc({b})o1",                // phenyloxadiazole
    "c1({a})ccc(cc1)Nc1nccc({b})n1",               // anilinopyrimidine
    "c1({a})ccc(cc1)C(=O)Nc1cccc({b})c1",          // benzanilide
    "c1({a})ccc(cc1)S(=O)(=O)Nc1cccc({b})c1",      // benzenesulfonanilide
    "c1({a})c({b})ccc(c1)N1CCOCC1",                // phenylmorpholine
    "c1({a})ccc(cc1)N1CCN(CC1)C(=O)c1cccc({b})c1", // benzoylphenylpiperazine
    "c1({a})ccc(cc1)CN1CCC(CC1)c1cccc({b})c1",     // benzylphenylpiperidine
    "c1({a})ccc2c(c1)CCN(C2)c1cccc({b})c1",        // phenyltetrahydroisoquinoline
];

/// Numbers that describe a scaffold.
pub(super) const N_OF_SCAFFOLD: usize = 5;

/// Numbers that describe a substituent.
pub(super) const N_OF_SUBSTITUENT: usize = 3;

/// A group on an aromatic ring.
struct Substituent {
    /// As a branch of a SMILES.
    smiles: &'static str,
    /// π (lipophilicity), σ_p (electronic pull), molar refractivity (bulk, cm³/mol).
    constants: [f64; N_OF_SUBSTITUENT],
}

const fn group(smiles: &'static str, constants: [f64; N_OF_SUBSTITUENT]) -> Substituent {
    Substituent { smiles, constants }
}

/// Substituents with the constants of Hansch analysis (Hansch et al., J. Med. Chem. 16:1207, 1973; Hansch, Leo and Taft,
/// Chem. Rev. 91:165, 1991). None has a ring, so none changes the scaffold.
const SUBSTITUENTS: [Substituent; N_SUBSTITUENTS] = [
    group("F", [0.14, 0.06, 0.92]),
    group("Cl", [0.71, 0.23, 6.03]),
    group("Br", [0.86, 0.23, 8.88]),
    group("I", [1.12, 0.18, 13.94]),
    group("C", [0.56, -0.17, 5.65]),
    group("CC", [1.02, -0.15, 10.30]),
    group("C(C)C", [1.53, -0.15, 14.96]),
    group("C(C)(C)C", [1.98, -0.20, 19.62]),
    group("C(F)(F)F", [0.88, 0.54, 5.02]),
    group("CO", [-1.03, 0.00, 7.19]),
    group("C#N", [-0.57, 0.66, 6.33]),
    group("C(C)=O", [-0.55, 0.50, 11.18]),
    group("C(=O)O", [-0.32, 0.45, 6.93]),
    group("C(=O)OC", [-0.01, 0.45, 12.87]),
    group("C(N)=O", [-1.49, 0.36, 9.81]),
    group("O", [-0.67, -0.37, 2.85]),
    group("OC", [-0.02, -0.27, 7.87]),
    group("OCC", [0.38, -0.24, 12.47]),
    group("OC(F)(F)F", [1.04, 0.35, 7.86]),
    group("N", [-1.23, -0.66, 5.42]),
    group("N(C)C", [0.18, -0.83, 15.55]),
    group("NC(C)=O", [-0.97, 0.00, 14.93]),
    group("[N+](=O)[O-]", [-0.28, 0.78, 7.36]),
    group("SC", [0.61, 0.00, 13.82]),
    group("S(C)(=O)=O", [-1.63, 0.72, 13.49]),
    group("S(N)(=O)=O", [-1.82, 0.57, 12.28]),
];

/// How many substituents there are.
pub(super) const N_SUBSTITUENTS: usize = 26;

/// The SMILES of a scaffold with its two substituents.
pub(super) fn smiles(scaffold: usize, substituents: [usize; 2]) -> String {
    let [a, b] = substituents.map(|s| SUBSTITUENTS[s].smiles);
    SCAFFOLDS[scaffold].replace("{a}", a).replace("{b}", b)
}

/// Heavy atoms, rings, nitrogens, oxygens and sulphurs, and share of atoms that are not aromatic, of each scaffold; each
/// of mean 0 and variance 1 over scaffolds.
pub(super) fn scaffold_descriptors() -> Vec<[f64; N_OF_SCAFFOLD]> {
    standardised(SCAFFOLDS.map(|template| {
        let bare = template.replace("({a})", "").replace("({b})", "");
        let count = |of: &str| bare.chars().filter(|&c| of.contains(c)).count() as f64;
        let heavy = count("cnosCNOS");
        // A ring is opened and closed by one digit each.
        let rings = count("123456789") / 2.0;
        [heavy, rings, count("nN"), count("osOS"), count("CNOS") / heavy]
    }))
}

/// The constants of each substituent; each of mean 0 and variance 1 over substituents.
pub(super) fn substituent_descriptors() -> Vec<[f64; N_OF_SUBSTITUENT]> {
    standardised(std::array::from_fn::<_, N_SUBSTITUENTS, _>(|s| SUBSTITUENTS[s].constants))
}

fn standardised<const N: usize, const D: usize>(rows: [[f64; D]; N]) -> Vec<[f64; D]> {
    let n = N as f64;
    let mean: [f64; D] = std::array::from_fn(|d| rows.iter().map(|r| r[d]).sum::<f64>() / n);
    let sd: [f64; D] = std::array::from_fn(|d| {
        (rows.iter().map(|r| (r[d] - mean[d]).powi(2)).sum::<f64>() / n).sqrt()
    });
    rows.iter().map(|r| std::array::from_fn(|d| (r[d] - mean[d]) / sd[d])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scaffold_takes_two_substituents() {
        for (scaffold, template) in SCAFFOLDS.iter().enumerate() {
            assert_eq!((template.matches("{a}").count(), template.matches("{b}").count()), (1, 1));
            let made = smiles(scaffold, [0, 10]);
            assert!(
                made.contains("(F)") && made.contains("(C#N)") && !made.contains('{'),
                "{made}"
            );
        }
    }

    #[test]
    fn descriptors_are_standardised_and_tell_scaffolds_apart() {
        let scaffolds = scaffold_descriptors();
        for d in 0..N_OF_SCAFFOLD {
            let mean = scaffolds.iter().map(|s| s[d]).sum::<f64>() / 24.0;
            let square = scaffolds.iter().map(|s| s[d] * s[d]).sum::<f64>() / 24.0;
            assert!(mean.abs() < 1e-12 && (square - 1.0).abs() < 1e-12, "{d}: {mean} {square}");
        }
        // Quinoline: ten atoms, two rings, one nitrogen, all aromatic. Phenylmorpholine: twelve, half of them not.
        let order = |a: usize, b: usize, d: usize| scaffolds[a][d].total_cmp(&scaffolds[b][d]);
        assert!(order(0, 20, 0).is_lt() && order(0, 20, 1).is_eq() && order(0, 20, 2).is_eq());
        assert!(order(0, 20, 3).is_lt() && order(0, 20, 4).is_lt());
    }
}
