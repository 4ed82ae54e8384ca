//! Questions to servers.

use std::time::{Duration, Instant};

use zenoh::Session;
use zenoh::query::{ConsolidationMode, QueryTarget, Reply};

use crate::FleetError;
use crate::wire::{self, Answer, MOST_BOARDS, Question};

/// How long a server may take to answer; more, where it opens a port.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
const OPENS_WITHIN: Duration = Duration::from_secs(15);

/// How long it may take until a session knows of a server, as of one that has just come, or when it has just come itself.
const KNOWN_WITHIN: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(100);

/// Asks the server of a board.
pub(crate) async fn asked(session: &Session, board: &str, question: &Question) -> Result<Answer, FleetError> {
    let within = match question {
        Question::Open { .. } => OPENS_WITHIN,
        _ => ANSWERS_WITHIN,
    };
    let began = Instant::now();
    let reply = loop {
        let replies = session
            .get(wire::ask(board))
            .payload(wire::write(question))
            .consolidation(ConsolidationMode::None)
            .timeout(within)
            .await
            .map_err(FleetError::network)?;
        match replies.recv_async().await {
            Ok(reply) => break reply,
            // Nobody was asked.
            Err(_) if began.elapsed() < KNOWN_WITHIN => tokio::time::sleep(AGAIN).await,
            Err(_) => return Err(FleetError::NoAnswer(board.to_owned())),
        }
    };
    let Ok(sample) = reply.result() else {
        return Err(FleetError::NoAnswer(board.to_owned()));
    };
    wire::read(&sample.payload().to_bytes()).ok_or_else(|| FleetError::Malformed(board.to_owned()))
}

/// Asks the servers of all boards at once. Who does not answer in time, or makes no sense, is not there.
pub(crate) async fn asked_all(
    session: &Session,
    question: &Question,
) -> Result<Vec<(String, Answer)>, FleetError> {
    let replies = session
        .get(wire::ask(wire::ALL))
        .payload(wire::write(question))
        .target(QueryTarget::All)
        .consolidation(ConsolidationMode::None)
        .timeout(ANSWERS_WITHIN)
        .await
        .map_err(FleetError::network)?;
    let mut answers = Vec::new();
    while let Ok(reply) = replies.recv_async().await {
        if answers.len() < MOST_BOARDS {
            answers.extend(answer(&reply));
        }
    }
    Ok(answers)
}

fn answer(reply: &Reply) -> Option<(String, Answer)> {
    let sample = reply.result().ok()?;
    let board = wire::board(sample.key_expr().as_str().strip_suffix("/ask")?)?;
    let answer = wire::read(&sample.payload().to_bytes())?;
    Some((board.to_owned(), answer))
}
