//! What calls cost, compared with the stored table: `cargo xtask bench --cost`.

use std::path::PathBuf;

use belay::CallPath;
use belay_tests::cost::{self, Cost, Outcome, Who};

use crate::peers;

/// Counts and prints the costs of Belay and of the peers; with `keep` they replace the stored ones.
pub(crate) fn measure(json: bool, keep: bool) -> Outcome {
    let kept = cost::kept()?;
    let mut costs: Vec<Cost> = Vec::new();
    let mut whos = vec![Who::Ours(CallPath::Agent), Who::Ours(CallPath::RawRepl)];
    match peers::python().map(PathBuf::from) {
        Some(python) => whos.extend(cost::PEERS.map(|peer| Who::Peer(peer, python.clone()))),
        None => eprintln!("without the peers: `cargo xtask bench` sets BELAY_PEERS_PYTHON"),
    }
    for who in whos {
        cost::count(&who, true, &mut |cost| {
            if json {
                println!("{}", cost.to_json());
            } else {
                eprintln!("{cost}");
            }
            costs.push(cost);
        })?;
    }
    if keep {
        cost::keep(&costs)?;
    }
    if !json {
        print(&costs, &kept);
    }
    Ok(())
}

/// The table: for each kind of work the cost of each way to do it, the ratio to the agent's cost, and what has changed.
fn print(costs: &[Cost], kept: &[Cost]) {
    println!(
        "{:14}{:14}{:>14}{:>10}{:>10}{:>7}{:>12}{:>12}",
        "what", "who", "instructions", "bytes to", "from", "turns", "of agent's", "before"
    );
    let agent = costs.iter().filter(|cost| cost.who == "agent");
    for agent in agent {
        for cost in costs.iter().filter(|cost| cost.what == agent.what) {
            let before = kept
                .iter()
                .find(|kept| kept.who == cost.who && kept.what == cost.what);
            println!(
                "{cost}{:>12}{:>12}",
                ratio(cost.instructions, agent.instructions),
                ratio(before.and_then(|before| before.instructions), cost.instructions)
            );
        }
    }
}

fn ratio(of: Option<u64>, to: Option<u64>) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
    match of.zip(to) {
        None => "-".into(),
        Some((of, to)) => format!("{:.2} ×", of as f64 / to as f64),
    }
}
