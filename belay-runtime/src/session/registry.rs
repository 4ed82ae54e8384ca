//! The traits that are attached to a session.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::error::{ErrorKind, Result};
use crate::spec::{DeviceSpec, MethodSpec, ModuleSpec};

/// The attached traits. Each has a namespace of its own on the board.
#[derive(Debug, Default)]
pub(super) struct Registry {
    devices: RwLock<Vec<&'static DeviceSpec>>,
    numbers: AtomicU64,
}

impl Registry {
    /// Attaches a trait, unless it is attached already.
    pub(super) fn attach(&self, device: &'static DeviceSpec) -> Result<()> {
        let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(conflict) = devices.iter().find_map(|known| conflict(known, device)) {
            return Err(conflict.into());
        }
        match devices.iter().find(|known| known.namespace == device.namespace) {
            None => devices.push(device),
            Some(known) if std::ptr::eq(*known, device) => {}
            Some(known) => {
                return Err(ErrorKind::NamespaceTaken {
                    namespace: device.namespace.into(),
                    taken_by: known.name.into(),
                    wanted_by: device.name.into(),
                }
                .into());
            }
        }
        Ok(())
    }

    /// Detaches a trait, which frees its namespace.
    pub(super) fn detach(&self, device: &'static DeviceSpec) {
        let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
        devices.retain(|known| !std::ptr::eq(*known, device));
    }

    /// The attached trait that has a method.
    pub(super) fn device_of(&self, method: &'static MethodSpec) -> Result<&'static DeviceSpec> {
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        let has = |device: &&&DeviceSpec| device.methods.iter().any(|known| std::ptr::eq(*known, method));
        let method = method.path.into();
        let found = devices.iter().find(has).copied();
        found.ok_or_else(|| ErrorKind::NotAttached { method }.into())
    }

    /// The methods of all attached traits.
    pub(super) fn methods(&self) -> Vec<&'static MethodSpec> {
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        devices
            .iter()
            .flat_map(|device| device.methods.iter().copied())
            .collect()
    }

    /// The traits that are attached.
    pub(super) fn devices(&self) -> Vec<&'static DeviceSpec> {
        self.devices
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The modules of all attached traits.
    pub(super) fn modules(&self) -> Vec<(&'static DeviceSpec, &'static ModuleSpec)> {
        let devices = self.devices().into_iter();
        let with_device =
            |device: &'static DeviceSpec| device.modules.iter().map(move |module| (device, module));
        devices.flat_map(with_device).collect()
    }

    /// A number that is unique in this session.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

/// The error if two traits bring different modules of the same name.
fn conflict(known: &DeviceSpec, wanted: &DeviceSpec) -> Option<ErrorKind> {
    let differs = |module: &&ModuleSpec| {
        let name = module.name();
        let same = known.modules.iter().filter(|other| other.name() == name);
        { same }.any(|other| other.hash != module.hash)
    };
    let module = wanted.modules.iter().find(differs)?;
    Some(ErrorKind::ModuleTaken {
        module: module.name().into(),
        taken_by: known.name.into(),
        wanted_by: wanted.name.into(),
    })
}
