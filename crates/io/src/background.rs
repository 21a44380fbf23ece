//! Work that is to stand behind all other work.

use rustix::process::setpriority_process;

/// How much less than others a thread is to get of a busy processor: the kernel's "nice" value. Ten
/// leaves it about a tenth beside one other thread.
const NICENESS: i32 = 10;

/// Lets the calling thread stand behind the others from now on, as far as the operating system does
/// that by thread (Linux does). On an idle processor it runs as before.
pub fn stand_behind() {
    if cfg!(target_os = "linux") {
        // Without it the thread works as any other, which is no fault.
        let _refused = setpriority_process(None, NICENESS);
    }
}
