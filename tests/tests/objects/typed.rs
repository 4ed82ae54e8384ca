//! `#[belay::object]`: a trait whose methods name those of an object on the board.

use super::*;
use belay::Object as _;

/// A motor.
#[belay::object]
pub(crate) trait Motor: Send + Sync {
    /// Turns it.
    async fn turn(&self, by: i32, times: Option<i32>) -> Result<i32>;

    /// Raises.
    async fn fail(&self) -> Result<()>;

    /// The same under another name.
    #[call(name = "fail")]
    async fn r#break(&self) -> Result<(), Stuck>;

    /// Steps.
    fn steps(&self, many: u32) -> impl Stream<Item = Result<f64>>;

    /// Never comes back.
    #[call(timeout_ms = 200)]
    async fn wait(&self) -> Result<()>;

    #[get]
    async fn speed(&self) -> Result<i32>;

    #[set]
    async fn set_speed(&self, speed: i32) -> Result<()>;

    #[get(name = "log")]
    async fn entries(&self) -> Result<ListObject>;

    #[set(name = "log")]
    async fn keep(&self, entries: &ListObject) -> Result<()>;

    /// A method in Rust, which uses the others.
    fn label(&self) -> String {
        "a motor".to_owned()
    }
}

/// A list.
#[belay::object]
pub(crate) trait List {
    async fn append(&self, item: &MotorObject) -> Result<()>;
}

/// The program's own error type.
#[derive(Debug)]
pub(crate) struct Stuck(String);

impl From<Error> for Stuck {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

/// Another trait on the same device.
#[belay::device]
trait Garage {
    /// ```python
    /// return [motor.name for motor in motors]
    /// ```
    #[task]
    async fn names(&self, motors: &[MotorObject]) -> Result<Vec<String>>;

    /// ```python
    /// return [motor, motor]
    /// ```
    #[task]
    async fn twice(&self, motor: &Remote) -> Result<Vec<MotorObject>>;
}

/// Works with any motor.
async fn faster(motor: &impl Motor) -> i32 {
    motor.turn(10, Some(1)).await.unwrap()
}

async fn methods_and_attributes_have_types(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let motor = MotorObject::from(bench.motor("typed").await.unwrap());
    assert_eq!(motor.turn(2, Some(3)).await.unwrap(), 6);
    motor.set_speed(1).await.unwrap();
    assert_eq!(
        (motor.speed().await.unwrap(), motor.label()),
        (1, "a motor".to_owned())
    );
    let steps: Vec<f64> = motor.steps(3).try_collect().await.unwrap();
    assert_eq!(steps, [0.0, 1.0 / 3.0, 2.0 / 3.0]);
    let error = motor.fail().await.unwrap_err();
    assert_eq!(error.method(), Some("Motor.fail"));
    assert_eq!(error.exception().unwrap().type_name, "ValueError");
    assert!(
        motor
            .r#break()
            .await
            .unwrap_err()
            .0
            .contains("Motor.break: ValueError: stuck")
    );
    let error = motor.wait().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error:?}");
    let entries = motor.entries().await.unwrap();
    entries.append(&motor).await.unwrap();
    assert_eq!(entries.remote().len().await.unwrap(), 3);
    let other = MotorObject::from(bench.motor("other").await.unwrap());
    other.keep(&entries).await.unwrap();
    let same: MotorObject = other.entries().await.unwrap().remote().item(&2).await.unwrap();
    assert_eq!(faster(&same).await, 11);
    assert_eq!(motor.speed().await.unwrap(), 11, "it is the same");
}

async fn traits_on_one_device_pass_each_others_objects(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let garage: GarageDevice = bench.device().attach().await.unwrap();
    let motor = bench.motor("shared").await.unwrap();
    let twice = garage.twice(&motor).await.unwrap();
    assert_eq!(twice[0].turn(4, Some(1)).await.unwrap(), 4);
    assert_eq!(garage.names(&twice).await.unwrap(), ["shared", "shared"]);
    assert_eq!(bench.turn(twice[1].remote(), 1).await.unwrap(), 5);
    drop((motor, twice));
    until_kept(&bench, 0).await;
}

belay_tests::on_both_runtimes! { over both paths:
    methods_and_attributes_have_types
    traits_on_one_device_pass_each_others_objects
}
