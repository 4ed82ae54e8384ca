//! Modules that a trait stores in the board's file system: as source, or compiled.

use std::borrow::Cow;

use super::Device;
use super::mpy_cross::Compiler;
use crate::agent::modules::StoredModule;
use crate::error::Result;
use crate::spec::{DeviceSpec, ModuleSpec};

impl Device {
    /// Writes those modules of a trait into this folder of the board that it lacks or has in another version.
    pub(super) async fn put_modules(&self, device: &'static DeviceSpec, folder: &'static str) -> Result<()> {
        let stored = self.stored(device, folder).await;
        let differing = self.session().differing(folder, &stored).await?;
        let files = self.files();
        for module in stored
            .into_iter()
            .filter(|module| differing.contains(&module.path))
        {
            let path = format!("{folder}/{}", module.path);
            files.write(&path, module.contents).await?;
            // Where a folder has both a compiled module and its source, MicroPython imports the source.
            if let Some(compiled) = path.strip_suffix(".mpy") {
                let source = format!("{compiled}.py");
                if files.exists(&source).await? {
                    files.remove(&source).await?;
                }
            }
        }
        Ok(())
    }

    /// The files to store for the modules of a trait.
    async fn stored(&self, device: &'static DeviceSpec, folder: &'static str) -> Vec<StoredModule> {
        let compiler = device.modules_compiled.then(|| Compiler::new(self.session()));
        let mut stored = Vec::with_capacity(device.modules.len());
        for module in device.modules {
            let name = format!("{folder}/{}", module.path);
            let file = match &compiler {
                Some(compiler) => compiler.compile(module.source, &name).await,
                None => None,
            };
            stored.push(as_file(module, file));
        }
        stored
    }
}

/// The file to store for one module.
fn as_file(module: &'static ModuleSpec, compiled: Option<Vec<u8>>) -> StoredModule {
    match (compiled, module.path.strip_suffix(".py")) {
        (Some(compiled), Some(path)) => StoredModule {
            path: format!("{path}.mpy"),
            contents: Cow::Owned(compiled),
        },
        _ => StoredModule {
            path: module.path.to_owned(),
            contents: Cow::Borrowed(module.source.as_bytes()),
        },
    }
}
