//! Mapping the lines of a board's traceback to the Rust source.

use crate::agent::modules::ROOT;
use crate::exception::{DeviceException, Frame, RustLine};
use crate::spec::{Body, DeviceSpec, MethodKind, MethodSpec, ModuleSpec};

/// The file names that boards give code that was compiled without one.
const NAMELESS: [&str; 2] = ["<string>", "<stdin>"];

/// Sets the place in the Rust source of every frame in a method's body or in a module. `method` is the one that was
/// called; `all` are those whose bodies may be on the board.
pub(super) fn map(
    exception: &mut DeviceException,
    implementation: &str,
    method: Option<&'static MethodSpec>,
    all: &[&'static MethodSpec],
    modules: &[(&'static DeviceSpec, &'static ModuleSpec)],
) {
    for frame in &mut exception.traceback {
        let named = all.iter().copied().find(|spec| spec.path == frame.file);
        let found = named.or_else(|| method.filter(|spec| is_nameless_frame_of(frame, spec)));
        let body = found.and_then(|spec| spec.body_for(implementation));
        let of_body = body.and_then(|body: &Body| body.rust_line(frame.line));
        frame.rust = of_body.or_else(|| of_module(frame, modules));
    }
}

/// The place in the user's file of a frame in a module.
fn of_module(frame: &Frame, modules: &[(&'static DeviceSpec, &'static ModuleSpec)]) -> Option<RustLine> {
    let is_in = |(device, module): &&(&DeviceSpec, &ModuleSpec)| {
        let folder = device.modules_to.unwrap_or(ROOT);
        let path = frame
            .file
            .strip_prefix(folder)
            .and_then(|path| path.strip_prefix('/'));
        path == Some(module.path)
    };
    let (_, module) = modules.iter().find(is_in)?;
    module.rust_line(frame.line)
}

/// Whether a frame without a file name may belong to this method.
fn is_nameless_frame_of(frame: &Frame, method: &MethodSpec) -> bool {
    let function = frame.function.as_deref();
    NAMELESS.contains(&frame.file.as_str())
        && match method.kind {
            MethodKind::Task(_) | MethodKind::Thread(_) => function == Some(method.name),
            _ => function.is_none_or(|function| function == "<module>"),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::TaskOptions;

    static CELSIUS: MethodSpec = MethodSpec::new(
        "Thermometer.celsius",
        "celsius",
        MethodKind::Task(TaskOptions::new()),
    )
    .with_bodies(&[Body {
        implementation: None,
        source: "def celsius():\n return raw()\n",
        hash: 1,
        file: "src/main.rs",
        lines: &[0, 12],
    }]);

    static DISPLAY: ModuleSpec = ModuleSpec {
        path: "drivers/display.py",
        source: "def show():\n return 1/0\n",
        hash: 1,
        file: "board/drivers/display.py",
        lines: &[3, 7],
    };

    static IN_MEMORY: DeviceSpec = DeviceSpec {
        name: "Display",
        namespace: "Display",
        methods: &[],
        modules: &[],
        modules_to: None,
        modules_compiled: false,
        hosts: &[],
    };
    static IN_FILES: DeviceSpec = DeviceSpec {
        name: "Display",
        namespace: "Display",
        methods: &[],
        modules: &[],
        modules_to: Some("/lib"),
        modules_compiled: false,
        hosts: &[],
    };

    fn mapped(frame: Frame) -> Option<RustLine> {
        let mut exception = DeviceException::new("ValueError", "");
        exception.traceback = vec![frame];
        map(
            &mut exception,
            "micropython",
            Some(&CELSIUS),
            &[&CELSIUS],
            &[(&IN_MEMORY, &DISPLAY), (&IN_FILES, &DISPLAY)],
        );
        exception.rust_line()
    }

    #[test]
    fn a_frame_is_known_by_its_file_or_else_by_its_function() {
        let line = RustLine {
            file: "src/main.rs",
            line: 12,
        };
        assert_eq!(mapped(Frame::new("Thermometer.celsius", 2, None)), Some(line));
        assert_eq!(
            mapped(Frame::new("<string>", 2, Some("celsius".into()))),
            Some(line)
        );
        assert_eq!(mapped(Frame::new("<string>", 2, Some("other".into()))), None);
        assert_eq!(
            mapped(Frame::new("Thermometer.celsius", 1, None)),
            None,
            "the def line is in no source"
        );
        assert_eq!(mapped(Frame::new("Thermometer.celsius", 99, None)), None);
        let line = RustLine {
            file: "board/drivers/display.py",
            line: 7,
        };
        let of_module = |file: &str| mapped(Frame::new(file, 2, Some("show".into())));
        assert_eq!(of_module("/_belay/drivers/display.py"), Some(line));
        assert_eq!(of_module("/lib/drivers/display.py"), Some(line));
        assert_eq!(of_module("/_belay/display.py"), None);
        assert_eq!(of_module("drivers/display.py"), None, "that is the board's own");
    }
}
