//! The names that we would warn about because nothing visible defines them.

use std::collections::HashMap;

use super::File;

/// How many such names valid files have, and which of them occur in the most files.
pub(crate) fn count(files: &[File]) -> String {
    let mut warned = 0;
    let mut names: HashMap<String, usize> = HashMap::new();
    for file in files {
        let found = undefined(&file.source);
        warned += usize::from(!found.is_empty());
        for name in found {
            *names.entry(name).or_default() += 1;
        }
    }
    let total: usize = names.values().sum();
    let mut often: Vec<(&String, &usize)> = names.iter().collect();
    often.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
    let often: Vec<String> = often
        .iter()
        .take(20)
        .map(|(name, count)| format!("{name} ({count})"))
        .collect();
    format!(
        "warnings: {total} names in {warned} of {} files; the most frequent are {}",
        files.len(),
        often.join(", ")
    )
}

fn undefined(source: &str) -> Vec<String> {
    let parsed = belay_syntax::parse_module(source);
    let analysis = parsed.analysis();
    if !parsed.diagnostics.is_empty() || analysis.has_star_import() {
        return Vec::new();
    }
    let free = analysis.free.iter().map(|found| found.name.clone());
    free.filter(|name| !belay_syntax::is_builtin(name)).collect()
}
