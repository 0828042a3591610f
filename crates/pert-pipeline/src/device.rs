//! The device a run computes on. Which ones exist is decided by the features a program was built with.

use std::str::FromStr;

use burn::tensor::Device;

use crate::Error;

/// A kind of device.
///
/// ```
/// use pert_pipeline::DeviceChoice;
/// assert_eq!("cpu".parse::<DeviceChoice>()?, DeviceChoice::Cpu);
/// let device = DeviceChoice::Auto.open()?;
/// # let _ = device;
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A GPU where the program was built for one (CUDA before wgpu), else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// Vulkan, Metal or DirectX 12 through wgpu.
    Wgpu,
    /// CUDA.
    Cuda,
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// [`Error::DeviceNotCompiled`] names the feature to build with.
    pub fn open(self) -> Result<Device, Error> {
        match self {
            Self::Auto => cuda().or_else(wgpu).or_else(cpu).ok_or_else(|| missing("cpu", "flex")),
            Self::Cpu => cpu().ok_or_else(|| missing("cpu", "flex")),
            Self::Wgpu => wgpu().ok_or_else(|| missing("wgpu", "wgpu")),
            Self::Cuda => cuda().ok_or_else(|| missing("cuda", "cuda")),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "wgpu" => Ok(Self::Wgpu),
            "cuda" => Ok(Self::Cuda),
            _ => Err(Error::Config {
                field: "device",
                message: format!("{text:?} is none of auto, cpu, wgpu, cuda"),
            }),
        }
    }
}

fn missing(device: &'static str, feature: &'static str) -> Error {
    Error::DeviceNotCompiled { device, feature }
}

fn cpu() -> Option<Device> {
    #[cfg(feature = "flex")]
    return Some(Device::flex());
    #[cfg(all(feature = "ndarray", not(feature = "flex")))]
    {
        #[allow(deprecated)] // kept while Burn has it (docs/decisions/0001)
        return Some(Device::ndarray());
    }
    #[cfg(not(any(feature = "flex", feature = "ndarray")))]
    None
}

fn wgpu() -> Option<Device> {
    #[cfg(feature = "wgpu")]
    return Some(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice));
    #[cfg(not(feature = "wgpu"))]
    None
}

fn cuda() -> Option<Device> {
    #[cfg(feature = "cuda")]
    return Some(Device::cuda(0));
    #[cfg(not(feature = "cuda"))]
    None
}

/// Limits the threads of this process; results are byte-identical for the same number.
///
/// # Errors
/// [`Error::Config`] when threads were started before.
pub fn use_threads(n: usize) -> Result<(), Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(n)
        .build_global()
        .map_err(|e| Error::Config { field: "threads", message: e.to_string() })
}
