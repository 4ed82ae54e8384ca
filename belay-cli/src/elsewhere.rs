//! Boards of other machines: how this one is connected to them, and who it is there.

use std::sync::Arc;
use std::time::Duration;

use belay::transport::Connector;
use belay_fleet::{Fleet, FleetError, Query, network};
use tokio::sync::OnceCell;

use crate::failure::Failure;

/// Where other machines are looked for, unless it is said with `--connect`.
pub(crate) const VARIABLE: &str = "BELAY_FLEET";
/// How long servers may take to be told that their boards are free. After that their deadline says so.
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

/// Two texts with a `=` between them.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it is not of the form `KEY=VALUE`".to_owned()),
    }
}

/// The boards of all machines, once for this run.
pub(crate) async fn fleet(connect: &[String]) -> Result<&'static Fleet, FleetError> {
    FLEET
        .get_or_try_init(async || Fleet::open(network(connect, &[])?).await)
        .await
}

/// Has `-p zenoh:…` lead to a board of another machine. The network is joined when such a board is first opened.
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

/// Gives back what was taken.
pub(crate) async fn leave() {
    if let Some(fleet) = FLEET.get() {
        let _ = tokio::time::timeout(LEAVES_WITHIN, fleet.clone().close()).await;
    }
}

/// What others see who has a board.
pub(crate) fn name() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
    let host = host();
    user.map_or_else(|_| host.clone(), |user| format!("{user}@{host}"))
}

/// The name of this machine, as far as it can be part of a board's.
pub(crate) fn host() -> String {
    plain(&gethostname::gethostname().to_string_lossy())
}

/// A text as the name of a host or a board.
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
