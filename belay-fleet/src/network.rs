//! How this machine is connected to others.

use zenoh::Config;

use crate::FleetError;

/// Where Zenoh's configuration is, if it is anywhere: the variable that other programs with Zenoh have.
const VARIABLE: &str = "ZENOH_CONFIG";

/// What Zenoh is configured with: the file that the environment variable `ZENOH_CONFIG` names, or else its defaults, by which
/// the machines of one network find each other; and connections to these endpoints, such as `tcp/lab1:7447`, and from these.
///
/// # Errors
///
/// When the file cannot be read or makes no sense, or an endpoint does not.
pub fn network(connect: &[String], listen: &[String]) -> Result<Config, FleetError> {
    let mut config = match std::env::var_os(VARIABLE) {
        Some(path) => Config::from_file(path).map_err(FleetError::network)?,
        None => Config::default(),
    };
    for (key, endpoints) in [("connect/endpoints", connect), ("listen/endpoints", listen)] {
        if !endpoints.is_empty() {
            let endpoints = serde_json::to_string(endpoints).map_err(FleetError::network)?;
            config
                .insert_json5(key, &endpoints)
                .map_err(FleetError::network)?;
        }
    }
    Ok(config)
}
