//! Checks for parameters and tasks that hide a global of a setup.

use crate::diag::Errors;
use crate::globals::Globals;
use crate::model::Device;

pub(super) fn check(device: &Device, globals: &Globals<'_>, errors: &mut Errors) {
    for method in device.methods().filter(|method| method.kind.is_function()) {
        for param in &method.params {
            if let Some(setup) = globals.setup_of(&param.name) {
                errors.at(
                    &param.ident,
                    format!(
                        "this parameter hides the global `{}` that the setup `{}` defines: rename one of them",
                        param.name, setup.sig.ident
                    ),
                );
            }
        }
        let name = method.python_name();
        if let Some(setup) = globals.setup_of(&name) {
            errors.at(
                &method.sig.ident,
                format!(
                    "on the board `{name}` is a global that the setup `{}` defines: rename one of them",
                    setup.sig.ident
                ),
            );
        }
    }
}
