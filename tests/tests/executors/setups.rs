//! Setups: their order, that each runs once, parameters, failures; and namespaces that keep traits apart.

use belay::prelude::*;
use belay::{ErrorKind, SessionEvent};
use belay_tests::{connected, soon, unix};

#[belay::device]
pub trait Ordered {
    /// ```python
    /// trace.append("second")
    /// ```
    #[setup(order = 2)]
    async fn second(&self) -> Result<()>;

    /// ```python
    /// trace = ["first"]
    /// ```
    #[setup(order = 1)]
    async fn first(&self) -> Result<()>;

    /// ```python
    /// trace.append("by hand")
    /// ```
    #[setup(auto = false)]
    async fn by_hand(&self) -> Result<()>;

    /// ```python
    /// trace.append((pin, label))
    /// ```
    #[setup(order = 3)]
    async fn with_parameters(&self, pin: u8, label: &str) -> Result<()>;

    /// ```python
    /// return repr(trace)
    /// ```
    #[task]
    async fn history(&self) -> Result<String>;

    /// ```python
    /// return pin
    /// ```
    #[task]
    async fn last_pin(&self) -> Result<u8>;
}

#[tokio::test]
async fn setups_run_in_order_once_and_those_with_parameters_at_a_call() {
    let (_board, device) = connected().await;
    let ordered = OrderedDevice::attach(&device).await.unwrap();
    let again = OrderedDevice::attach(&device).await.unwrap();
    assert_eq!(ordered.history().await.unwrap(), "['first', 'second']");
    ordered.with_parameters(25, "it's").await.unwrap();
    again.by_hand().await.unwrap();
    assert_eq!(
        ordered.history().await.unwrap(),
        r#"['first', 'second', (25, "it's"), 'by hand']"#
    );
    assert_eq!(
        ordered.last_pin().await.unwrap(),
        25,
        "a setup's parameter is a global"
    );
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_reset_runs_again_what_had_run_with_its_last_arguments() {
    let (_board, device) = connected().await;
    let ordered = OrderedDevice::attach(&device).await.unwrap();
    ordered.by_hand().await.unwrap();
    ordered.with_parameters(1, "a").await.unwrap();
    ordered.with_parameters(2, "b").await.unwrap();
    let before = device.session().epoch();
    device.reset().await.unwrap();
    assert_eq!(device.session().epoch(), before + 1);
    assert_eq!(
        ordered.history().await.unwrap(),
        "['first', 'second', 'by hand', (2, 'b')]"
    );
    device.close().await.unwrap();
}

mod failing {
    use super::*;

    #[belay::device]
    pub trait Failing {
        /// ```python
        /// began = True
        /// ```
        #[setup(order = 1)]
        async fn begin(&self) -> Result<()>;

        /// ```python
        /// raise ValueError("no such sensor")
        /// ```
        #[setup(order = 2)]
        async fn open(&self) -> Result<()>;

        /// ```python
        /// import sys
        /// sys.modules["torn_down"] = began
        /// raise OSError(19)
        /// ```
        #[teardown]
        async fn shut(&self) -> Result<()>;
    }

    #[tokio::test]
    async fn a_critical_setup_that_fails_runs_the_teardowns_and_tells_both() {
        let (_board, device) = connected().await;
        let error = FailingDevice::attach(&device).await.unwrap_err();
        let ErrorKind::Setup { cause, teardown } = error.kind() else {
            panic!("{error}")
        };
        assert_eq!(cause.method(), Some("Failing.open"));
        assert_eq!(cause.exception().unwrap().message, "no such sensor");
        assert!(cause.exception().unwrap().rust_line().is_some());
        assert_eq!(teardown.len(), 1);
        assert_eq!(teardown[0].exception().unwrap().errno, Some(19));
        device.execute("import sys").await.unwrap();
        assert!(
            device
                .execute_as::<bool>("sys.modules['torn_down']")
                .await
                .unwrap()
        );
        device.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_fails_in_a_setup_releases_the_port() {
        let board = unix().await;
        for _ in 0..2 {
            let error = FailingDevice::connect(board.port()).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Setup { .. }), "{error}");
        }
        let device = Device::connect(board.port()).await.expect("the port is free");
        device.close().await.unwrap();
    }
}

mod tolerant {
    use super::*;

    #[belay::device]
    pub trait Tolerant {
        /// ```python
        /// raise ValueError("not there")
        /// ```
        #[setup(order = 1, critical = false)]
        async fn optional(&self) -> Result<()>;

        /// ```python
        /// ready = True
        /// ```
        #[setup(order = 2)]
        async fn open(&self) -> Result<()>;

        /// ```python
        /// return ready
        /// ```
        #[task]
        async fn is_ready(&self) -> Result<bool>;
    }

    #[tokio::test]
    async fn a_setup_that_is_not_critical_is_reported_and_the_others_run() {
        let (_board, device) = connected().await;
        let mut events = device.session().events();
        let tolerant = TolerantDevice::attach(&device).await.unwrap();
        assert!(tolerant.is_ready().await.unwrap());
        let event = soon("the event", events.next()).await.unwrap();
        let SessionEvent::SetupFailed(error) = event else {
            panic!("{event:?}")
        };
        assert_eq!(error.method(), Some("Tolerant.optional"));
        device.close().await.unwrap();
    }
}

mod apart {
    use super::*;

    #[belay::device(namespace = "Left")]
    pub trait Left {
        /// ```python
        /// value = "left"
        /// ```
        #[setup]
        async fn open(&self) -> Result<()>;

        /// ```python
        /// return value
        /// ```
        #[task]
        async fn get(&self) -> Result<String>;
    }

    #[belay::device]
    pub trait Right {
        /// ```python
        /// value = "right"
        /// ```
        #[setup]
        async fn open(&self) -> Result<()>;

        /// ```python
        /// return value
        /// ```
        #[task]
        async fn get(&self) -> Result<String>;
    }

    #[belay::device(namespace = "Left")]
    pub trait Impostor {
        /// ```python
        /// return 1
        /// ```
        #[task]
        async fn one(&self) -> Result<u8>;
    }

    #[tokio::test]
    async fn traits_on_one_device_have_names_of_their_own() {
        let (_board, device) = connected().await;
        let left = LeftDevice::attach(&device).await.unwrap();
        let right = RightDevice::attach(&device).await.unwrap();
        assert_eq!(left.get().await.unwrap(), "left");
        assert_eq!(right.get().await.unwrap(), "right");
        let error = ImpostorDevice::attach(&device).await.unwrap_err();
        let ErrorKind::NamespaceTaken {
            namespace,
            taken_by,
            wanted_by,
        } = error.kind()
        else {
            panic!("{error:?}")
        };
        assert_eq!(
            [&**namespace, &**taken_by, &**wanted_by],
            ["Left", "Left", "Impostor"]
        );
        device.close().await.unwrap();
    }
}
