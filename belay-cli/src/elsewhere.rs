//! Boards of other machines: how to connect to them, and the name under which this machine appears.

use std::sync::Arc;
use std::time::Duration;

use belay::transport::Connector;
use belay_fleet::{Fleet, FleetError, Query, network};
use tokio::sync::OnceCell;

use crate::failure::Failure;

/// The environment variable with the endpoints of other machines, for `--connect`.
pub(crate) const VARIABLE: &str = "BELAY_FLEET";
/// How long to wait on exit until servers know that their boards are free. If they are not told, their own
/// time-out frees the boards.
const LEAVES_WITHIN: Duration = Duration::from_secs(3);

static FLEET: OnceCell<Fleet> = OnceCell::const_new();

/// How this machine is connected to others.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Network {
    /// Connects to this endpoint, tcp/HOST:PORT; without any, machines on this network find each other
    #[arg(long, value_name = "ENDPOINT", env = VARIABLE, hide_env_values = true, value_delimiter = ',')]
    pub(crate) connect: Vec<String>,
}

/// Which boards are meant.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Meant {
    /// Only boards that have this tag
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    tag: Vec<(String, String)>,
}

impl Meant {
    pub(crate) fn query(&self) -> Query {
        let tags = self.tag.iter().cloned();
        tags.fold(Query::new(), |query, (key, value)| query.tag(key, value))
    }
}

/// Parses `KEY=VALUE`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it is not of the form `KEY=VALUE`".to_owned()),
    }
}

/// The connection to the fleet, opened once per run.
pub(crate) async fn fleet(connect: &[String]) -> Result<&'static Fleet, FleetError> {
    FLEET
        .get_or_try_init(async || Fleet::open(network(connect, &[])?).await)
        .await
}

/// Makes `-p zenoh:…` open boards of other machines. The network is joined when such a board is first opened.
pub(crate) fn provide() {
    belay::transport::provide_zenoh(|board| {
        let board = board.to_owned();
        let way = Arc::new(OnceCell::new());
        Connector::new(format!("zenoh:{board}"), move || {
            let (board, way) = (board.clone(), Arc::clone(&way));
            async move {
                let said = std::env::var(VARIABLE).unwrap_or_default();
                let connect: Vec<String> = said
                    .split(',')
                    .filter(|endpoint| !endpoint.is_empty())
                    .map(str::to_owned)
                    .collect();
                let finding = async || Ok(fleet(&connect).await?.connector(&board, &name()));
                let way: &Connector = way
                    .get_or_try_init(finding)
                    .await
                    .map_err(|error: FleetError| error)?;
                way.open().await
            }
        })
    });
}

/// Gives the boards back.
pub(crate) async fn leave() {
    if let Some(fleet) = FLEET.get() {
        let _ = tokio::time::timeout(LEAVES_WITHIN, fleet.clone().close()).await;
    }
}

/// The name that others see for the holder of a board.
pub(crate) fn name() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
    let host = host();
    user.map_or_else(|_| host.clone(), |user| format!("{user}@{host}"))
}

/// The name of this machine, in characters that can be part of a board's name.
pub(crate) fn host() -> String {
    plain(&gethostname::gethostname().to_string_lossy())
}

/// The text, in characters that can be part of the name of a host or a board.
pub(crate) fn plain(text: &str) -> String {
    let kept = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let plain: String = text.trim().chars().take(64).map(kept).collect();
    if plain.is_empty() {
        "host".to_owned()
    } else {
        plain
    }
}

impl From<FleetError> for Failure {
    fn from(error: FleetError) -> Self {
        match error {
            FleetError::Device(error) => (*error).into(),
            error => Self::nobody(error.to_string()),
        }
    }
}
