//! Installing the modules of traits, before anything of the trait runs on the board.

use std::sync::{MutexGuard, PoisonError};

use super::brought::Kept;
use super::connection::Connection;
use super::{Returned, Session};
use crate::agent::modules::{self, StoredModule};
use crate::error::{Phase, Result};
use crate::spec::{DeviceSpec, ModuleSpec};

/// How many bytes of a module are sent at once.
const PIECE: usize = 1536;

impl Session {
    /// Installs the modules of a trait in the board's memory.
    ///
    /// # Errors
    ///
    /// When the board lacks the memory for them, cannot have modules in memory, or cannot be reached.
    pub(crate) async fn bring(&self, device: &'static DeviceSpec) -> Result<()> {
        if device.modules.is_empty() || device.modules_to.is_some() {
            return Ok(());
        }
        let deadline = self.execute_deadline();
        self.unless_closing(async {
            let _turn = self.shared(deadline).await?;
            let connection = self.connection(deadline).await?;
            let brought = connection.bring(&[device]).await;
            brought.inspect_err(|error| self.report(&connection, error))
        })
        .await
    }
}

impl Session {
    /// The paths of those files that this folder of the board lacks or has with other contents. From now on the board
    /// imports modules from this folder.
    ///
    /// # Errors
    ///
    /// When the board cannot be reached.
    pub(crate) async fn differing(&self, folder: &str, files: &[StoredModule]) -> Result<Vec<String>> {
        let deadline = self.execute_deadline();
        self.unless_closing(async {
            let _turn = self.shared(deadline).await?;
            let connection = self.connection(deadline).await?;
            let differing = connection.differing(folder, files).await;
            differing.inspect_err(|error| self.report(&connection, error))
        })
        .await
    }
}

impl Connection {
    /// Installs the modules of these traits in the board's memory: sends those that are not there.
    pub(super) async fn bring(&self, devices: &[&'static DeviceSpec]) -> Result<()> {
        let mut on_board = self.modules.lock().await;
        for device in devices {
            // After a reset the board has to add the folder to its search path again. The files in it have survived.
            if let Some(folder) = device.modules_to {
                self.differing(folder, &[]).await?;
            }
        }
        let in_memory = devices.iter().filter(|device| device.modules_to.is_none());
        let all = in_memory.flat_map(|device| device.modules);
        let mut wanted: Vec<&'static ModuleSpec> = Vec::new();
        for module in all {
            let known = on_board.hashes.get(module.path) == Some(&module.hash);
            if !known && wanted.iter().all(|other| other.path != module.path) {
                wanted.push(module);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let fresh = on_board.kept.is_none();
        let (kept, missing) = self.claim(fresh, &wanted).await?;
        on_board.kept = Some(kept);
        if kept == Kept::Objects {
            self.objects().extend(wanted.iter().map(|module| module.name()));
        }
        let missing =
            || { wanted.iter().copied() }.filter(|module| missing.iter().any(|path| path == module.path));
        for module in missing() {
            self.without_stars(module.source)?;
            self.send_module(module).await?;
        }
        if kept == Kept::Objects {
            self.ask(modules::load(missing())?, self.execute_deadline).await?;
        }
        on_board
            .hashes
            .extend(wanted.iter().map(|module| (module.path, module.hash)));
        Ok(())
    }

    /// Asks how the board keeps modules, and which of these it lacks.
    async fn claim(&self, fresh: bool, wanted: &[&'static ModuleSpec]) -> Result<(Kept, Vec<String>)> {
        let claim = modules::claim(fresh, wanted.iter().copied())?;
        let (files, missing): (u8, Vec<String>) = self.ask_library(claim).await?.to()?;
        let kept = if files == 0 { Kept::Objects } else { Kept::Files };
        Ok((kept, missing))
    }

    async fn differing(&self, folder: &str, files: &[StoredModule]) -> Result<Vec<String>> {
        self.ask_library(modules::differing(folder, files)?).await?.to()
    }

    /// Calls the board's module library. It is installed first if the board answers that it is not there.
    async fn ask_library(&self, question: String) -> Result<Returned> {
        let answer = self.ask(question.clone(), self.execute_deadline).await?;
        if answer.as_bytes() != b"False" {
            return Ok(answer);
        }
        self.can_have_modules().await?;
        self.run(modules::NAMESPACE, modules::LIBRARY, Some(modules::FILE))
            .await?;
        self.ask(question, self.execute_deadline).await
    }

    /// Fails on a board without `sys.modules`, which can have modules only as files.
    async fn can_have_modules(&self) -> Result<()> {
        match self
            .ask(modules::POSSIBLE.to_owned(), self.execute_deadline)
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.exception().is_some() => {
                Err(self.unsupported("a module that a trait brings into the board's memory"))
            }
            Err(error) => Err(error),
        }
    }

    /// Sends one module. If the board runs out of memory, something is removed and the module is sent again, for as
    /// long as there is something to remove.
    async fn send_module(&self, module: &'static ModuleSpec) -> Result<()> {
        tracing::debug!(device = %self.name, module = module.path, bytes = module.source.len(), "brings a module");
        loop {
            match self.put(module).await {
                Err(error) if error.is_memory_error() && self.make_room_for_modules().await? => {}
                sent => return sent.map_err(|error| error.in_phase_after_all(Phase::Deploy)),
            }
        }
    }

    async fn put(&self, module: &'static ModuleSpec) -> Result<()> {
        let bytes = module.source.as_bytes();
        let mut at = 0;
        loop {
            let end = bytes.len().min(at + PIECE);
            let put = modules::put(module, at, &bytes[at..end], end == bytes.len())?;
            self.ask(put, self.execute_deadline).await?;
            at = end;
            if at == bytes.len() {
                return Ok(());
            }
        }
    }

    /// Frees memory: removes the modules that earlier programs left behind or else evicts the least recently used
    /// methods. Returns whether there was anything to remove.
    async fn make_room_for_modules(&self) -> Result<bool> {
        let spared: usize = self.ask(modules::spare(), self.execute_deadline).await?.to()?;
        if spared > 0 {
            return Ok(true);
        }
        let _one_at_a_time = self.deployments.deploying.lock().await;
        self.make_room(&[]).await
    }

    /// The names of the modules that the board keeps as objects.
    fn objects(&self) -> MutexGuard<'_, Vec<String>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses source with an `import *` of a module that is an object, which would end the interpreter.
    pub(super) fn without_stars(&self, source: &str) -> Result<()> {
        let objects = self.objects();
        if objects.is_empty() {
            return Ok(());
        }
        let is_object = |name: &&str| name.starts_with('.') || objects.iter().any(|object| object == name);
        match starred(source).find(is_object) {
            Some(name) => Err(self.unsupported(format!("`from {name} import *` of a module in memory"))),
            None => Ok(()),
        }
    }
}

/// The modules in `from module import *`, and in anything that looks like it.
fn starred(source: &str) -> impl Iterator<Item = &str> {
    source.match_indices("import").filter_map(|(at, word)| {
        let (before, after) = source.split_at(at);
        after[word.len()..].trim_start().strip_prefix('*')?;
        let (rest, name) = before.trim_end().rsplit_once([' ', '\t'])?;
        rest.trim_end().ends_with("from").then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_seen_however_it_is_written() {
        let source = "from a import *\nif x:from  b.c\timport*\nimport d\nfrom e import f\nfrom .g import *";
        assert_eq!(starred(source).collect::<Vec<_>>(), ["a", "b.c", ".g"]);
    }
}
