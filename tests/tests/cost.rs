//! What our calls cost in bytes and turns of the line is what `tests/cost.jsonl` has. A change for the worse or the
//! better has to be deliberate: `cargo xtask bench --cost --keep` writes the table anew, with the instructions.

use belay::CallPath;
use belay_tests::cost::{self, Cost, Who};

fn costs_what_is_kept(path: CallPath) {
    if std::env::var_os("BELAY_MICROPYTHON").is_some() {
        println!("another board says other things of itself");
        return;
    }
    let kept = cost::kept().expect("the table can be read");
    let mut costs: Vec<Cost> = Vec::new();
    let counted = cost::count(&Who::Ours(path), false, &mut |cost| costs.push(cost));
    counted.expect("all can be counted");
    assert!(!costs.is_empty());
    for cost in &mut costs {
        let kept = kept.iter().find(|kept| cost.is_of_the_same(kept));
        cost.instructions = kept.and_then(|kept| kept.instructions);
        assert_eq!(
            Some(&*cost),
            kept,
            "`cargo xtask bench --cost --keep` keeps what it costs now"
        );
    }
}

#[test]
fn calls_by_the_agent_cost_what_is_kept() {
    costs_what_is_kept(CallPath::Agent);
}

#[test]
fn calls_over_the_raw_repl_cost_what_is_kept() {
    costs_what_is_kept(CallPath::RawRepl);
}
