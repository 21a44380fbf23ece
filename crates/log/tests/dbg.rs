use std::{path::Path, sync::Arc};
use timberline_io::*; use timberline_log::*; use timberline_model::*;
#[test] fn dbg() {
 let data = std::fs::read("/tmp/log-corpus/crash-fcd0e9a4f425072f6e306ee2812dde34db8ce084").unwrap(); let bytes = &data[2..];
 let disk = SimDisk::new(0); let dir = Path::new("/log"); disk.create_dir_all(dir).unwrap();
 let put = |base: u64, bytes: &[u8]| { let mut bytes = bytes.to_vec(); let c = timberline_codec::crc::crc32c;
  if bytes.len() >= 32 && bytes[0] % 4 != 3 { let h = &mut bytes[..32]; h.fill(0); h[0..8].copy_from_slice(b"TMBRLOG\n"); h[8]=1; h[16..24].copy_from_slice(&base.to_le_bytes()); let x=c(&h[..28]); h[28..].copy_from_slice(&x.to_le_bytes()); }
  let mut at = 32; while at + 32 <= bytes.len() { if &bytes[at..at+3]==b"TLF" { let b=&mut bytes[at..]; let (h, r) = b.split_at_mut(32); let off = base + (at as u64 - 32); h[8..16].copy_from_slice(&off.to_le_bytes()); let len = u32::from_le_bytes([h[4],h[5],h[6],h[7]]) as usize; if let Some(p)=r.get(..len) { h[24..28].copy_from_slice(&c(p).to_le_bytes()); } let x = c(&h[..28]); h[28..].copy_from_slice(&x.to_le_bytes()); eprintln!("frame at {off} len {len} durable {}", u64::from_le_bytes(h[16..24].try_into().unwrap())); } at += 8; }
  disk.create(&dir.join(format!("{base:020}.log")), 0).unwrap().write_all_at(&bytes, 0).unwrap(); };
 let cut = bytes.len(); put(0, bytes); put((cut.saturating_sub(32) & !7) as u64, &[]);
 for _ in 0..2 { let mut n = vec![]; let (log, r) = Log::open(Arc::new(disk.clone()), dir, LogOptions { segment_bytes: 4096, frame_bytes_max: 1<<20, reserve_bytes: 0 }, LogOffset(0), &mut |e, _| n.push(e.0)).unwrap();
  eprintln!("{n:?} {r:#?} {:?}", disk.list(dir)); let e = log.append(b"goes on").unwrap(); log.commit(e, Durability::Synced).unwrap(); }
}
