//! Directories: the names that processes see, and the changes of names not yet durable.
//!
//! Invariant: the live entries of a directory are its durable entries with its pending changes
//! applied in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, ErrorKind},
    path::{Component, Path},
};

use super::sectors::{Sectors, Survival};
use crate::Random;

/// Names a file or directory whatever it is called at the moment.
pub(super) type NodeId = u64;

const ROOT: NodeId = 0;

#[derive(Clone, Debug)]
enum Node {
    File { data: Sectors, handles: usize },
    Dir(Dir),
}

#[derive(Clone, Debug, Default)]
struct Dir {
    live: BTreeMap<String, NodeId>,
    durable: BTreeMap<String, NodeId>,
}

/// A name in a directory that comes to mean `to`, or nothing.
#[derive(Clone, Debug)]
struct Change {
    dir: NodeId,
    name: String,
    to: Option<NodeId>,
}

/// All files and directories.
#[derive(Clone, Debug)]
pub(super) struct Namespace {
    nodes: BTreeMap<NodeId, Node>,
    next: NodeId,
    /// Each element takes effect as a whole or not at all.
    pending: Vec<Vec<Change>>,
}

impl Namespace {
    pub(super) fn new() -> Self {
        let nodes = BTreeMap::from([(ROOT, Node::Dir(Dir::default()))]);
        Self { nodes, next: ROOT + 1, pending: Vec::new() }
    }

    /// The file at a path.
    pub(super) fn file(&self, path: &Path) -> io::Result<NodeId> {
        let id = self.find(path)?;
        match self.nodes[&id] {
            Node::File { .. } => Ok(id),
            Node::Dir(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    /// The directory at a path.
    pub(super) fn dir(&self, path: &Path) -> io::Result<NodeId> {
        let id = self.find(path)?;
        self.entries(id).map(|_| id)
    }

    /// The bytes of a file.
    pub(super) fn data(&self, id: NodeId) -> &Sectors {
        match &self.nodes[&id] {
            Node::File { data, .. } => data,
            Node::Dir(_) => panic!("node {id} of the simulated disk is a directory, not a file"),
        }
    }

    /// The bytes of a file, to change.
    pub(super) fn data_mut(&mut self, id: NodeId) -> &mut Sectors {
        match self.nodes.get_mut(&id) {
            Some(Node::File { data, .. }) => data,
            _ => panic!("node {id} of the simulated disk is not a file"),
        }
    }

    /// Names in a directory, with the length of each file or `None` for a directory.
    pub(super) fn list(&self, id: NodeId) -> io::Result<Vec<(String, Option<usize>)>> {
        let entry = |(name, id): (&String, &NodeId)| match &self.nodes[id] {
            Node::File { data, .. } => (name.clone(), Some(data.bytes().len())),
            Node::Dir(_) => (name.clone(), None),
        };
        Ok(self.entries(id)?.iter().map(entry).collect())
    }

    /// Counts a new handle of a file, which keeps its bytes even when it has no name any more.
    pub(super) fn hold(&mut self, id: NodeId) {
        if let Some(Node::File { handles, .. }) = self.nodes.get_mut(&id) {
            *handles += 1;
        }
    }

    /// A handle was closed.
    pub(super) fn let_go(&mut self, id: NodeId) {
        if let Some(Node::File { handles, .. }) = self.nodes.get_mut(&id) {
            *handles = handles.saturating_sub(1);
            if *handles == 0 {
                self.sweep();
            }
        }
    }

    /// The process is gone and its handles with it.
    pub(super) fn let_go_of_all(&mut self) {
        for node in self.nodes.values_mut() {
            if let Node::File { handles, .. } = node {
                *handles = 0;
            }
        }
        self.sweep();
    }

    /// Creates an empty file.
    pub(super) fn create_file(&mut self, path: &Path) -> io::Result<NodeId> {
        let (dir, name) = self.parent(path)?;
        if self.entries(dir)?.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let id = self.insert(Node::File { data: Sectors::default(), handles: 0 });
        self.change(vec![Change { dir, name, to: Some(id) }]);
        Ok(id)
    }

    /// Creates a directory and its parents.
    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let mut at = ROOT;
        for name in names(path)? {
            at = match self.entries(at)?.get(&name) {
                Some(&id) => id,
                None => {
                    let id = self.insert(Node::Dir(Dir::default()));
                    self.change(vec![Change { dir: at, name, to: Some(id) }]);
                    id
                }
            };
        }
        self.entries(at).map(|_| ())
    }

    /// Gives a file a second name.
    pub(super) fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.file(from)?;
        let (dir, name) = self.parent(to)?;
        if self.entries(dir)?.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.change(vec![Change { dir, name, to: Some(id) }]);
        Ok(())
    }

    /// Gives a file or directory another name.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.find(from)?;
        let (from_dir, from_name) = self.parent(from)?;
        let (to_dir, to_name) = self.parent(to)?;
        if let Some(replaced) = self.entries(to_dir)?.get(&to_name) {
            match (&self.nodes[&id], &self.nodes[replaced]) {
                _ if *replaced == id => return Ok(()),
                (Node::Dir(_), Node::Dir(dir)) if !dir.live.is_empty() => {
                    return Err(ErrorKind::DirectoryNotEmpty.into());
                }
                (Node::File { .. }, Node::Dir(_)) => return Err(ErrorKind::IsADirectory.into()),
                (Node::Dir(_), Node::File { .. }) => return Err(ErrorKind::NotADirectory.into()),
                _ => {}
            }
        }
        self.change(vec![
            Change { dir: from_dir, name: from_name, to: None },
            Change { dir: to_dir, name: to_name, to: Some(id) },
        ]);
        Ok(())
    }

    /// Takes a file's name away.
    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.file(path)?;
        let (dir, name) = self.parent(path)?;
        self.change(vec![Change { dir, name, to: None }]);
        Ok(())
    }

    /// Takes away a directory and all names in it, one by one, the innermost first.
    pub(super) fn remove_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let id = self.dir(path)?;
        self.empty(id);
        // The root has no name to take away.
        if let Ok((dir, name)) = self.parent(path) {
            self.change(vec![Change { dir, name, to: None }]);
        }
        Ok(())
    }

    /// Makes the names in a directory durable, with all that must precede them.
    pub(super) fn sync_dir(&mut self, id: NodeId) {
        let mut dirs = BTreeSet::from([id]);
        let mut kept = Vec::new();
        let mut carried = Vec::new();
        for changes in std::mem::take(&mut self.pending).into_iter().rev() {
            if changes.iter().any(|change| dirs.contains(&change.dir)) {
                dirs.extend(changes.iter().map(|change| change.dir));
                carried.push(changes);
            } else {
                kept.push(changes);
            }
        }
        kept.reverse();
        self.pending = kept;
        for changes in carried.into_iter().rev() {
            self.make_durable(&changes);
        }
        self.sweep();
    }

    /// Leaves what a power cut leaves: of each directory's pending changes a prefix.
    pub(super) fn cut_power(&mut self, survival: Survival, random: &mut Random) {
        let pending = std::mem::take(&mut self.pending);
        let mut counts: BTreeMap<NodeId, usize> = BTreeMap::new();
        for change in pending.iter().flatten() {
            *counts.entry(change.dir).or_default() += 1;
        }
        for count in counts.values_mut() {
            *count = random.up_to(*count);
        }
        for changes in pending {
            if changes.iter().all(|change| counts[&change.dir] > 0) {
                self.make_durable(&changes);
                for change in &changes {
                    counts.entry(change.dir).and_modify(|count| *count = count.saturating_sub(1));
                }
            } else {
                // The journal ends here for every directory that this change touches.
                for change in &changes {
                    counts.insert(change.dir, 0);
                }
            }
        }
        for node in self.nodes.values_mut() {
            match node {
                Node::File { data, handles } => {
                    *handles = 0;
                    data.cut_power(survival, random);
                }
                Node::Dir(dir) => dir.live = dir.durable.clone(),
            }
        }
        self.sweep();
    }

    /// Bytes of all files that have a name or a handle.
    pub(super) fn used_bytes(&self) -> u64 {
        let mut live = BTreeSet::new();
        self.reach(ROOT, &mut live, false);
        let counted = |(id, node): (&NodeId, &Node)| match node {
            Node::File { data, handles } if *handles > 0 || live.contains(id) => {
                data.bytes().len() as u64
            }
            _ => 0,
        };
        self.nodes.iter().map(counted).sum()
    }

    fn find(&self, path: &Path) -> io::Result<NodeId> {
        let mut at = ROOT;
        for name in names(path)? {
            at = *self.entries(at)?.get(&name).ok_or(ErrorKind::NotFound)?;
        }
        Ok(at)
    }

    /// The directory in which a path's last name stands, and that name.
    fn parent(&self, path: &Path) -> io::Result<(NodeId, String)> {
        let mut names = names(path)?;
        let last = names.pop().ok_or(ErrorKind::InvalidInput)?;
        let mut at = ROOT;
        for name in names {
            at = *self.entries(at)?.get(&name).ok_or(ErrorKind::NotFound)?;
        }
        self.entries(at)?;
        Ok((at, last))
    }

    fn entries(&self, id: NodeId) -> io::Result<&BTreeMap<String, NodeId>> {
        match &self.nodes[&id] {
            Node::Dir(dir) => Ok(&dir.live),
            Node::File { .. } => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn insert(&mut self, node: Node) -> NodeId {
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        id
    }

    fn empty(&mut self, id: NodeId) {
        let Node::Dir(dir) = &self.nodes[&id] else { return };
        for (name, child) in dir.live.clone() {
            self.empty(child);
            self.change(vec![Change { dir: id, name, to: None }]);
        }
    }

    /// Changes names for the processes; the disk learns of it later.
    fn change(&mut self, changes: Vec<Change>) {
        for change in &changes {
            if let Some(Node::Dir(dir)) = self.nodes.get_mut(&change.dir) {
                apply(&mut dir.live, change);
            }
        }
        self.pending.push(changes);
    }

    fn make_durable(&mut self, changes: &[Change]) {
        for change in changes {
            if let Some(Node::Dir(dir)) = self.nodes.get_mut(&change.dir) {
                apply(&mut dir.durable, change);
            }
        }
    }

    /// Frees what has neither a name, nor a handle, nor a name that a power cut may bring back.
    fn sweep(&mut self) {
        let mut reached = BTreeSet::new();
        self.reach(ROOT, &mut reached, true);
        for change in self.pending.iter().flatten() {
            self.reach(change.dir, &mut reached, true);
            if let Some(to) = change.to {
                self.reach(to, &mut reached, true);
            }
        }
        self.nodes.retain(|id, node| {
            reached.contains(id) || matches!(node, Node::File { handles, .. } if *handles > 0)
        });
    }

    fn reach(&self, id: NodeId, reached: &mut BTreeSet<NodeId>, durable_too: bool) {
        if !reached.insert(id) {
            return;
        }
        if let Some(Node::Dir(dir)) = self.nodes.get(&id) {
            let durable = dir.durable.values().filter(|_| durable_too);
            for &child in dir.live.values().chain(durable) {
                self.reach(child, reached, durable_too);
            }
        }
    }
}

fn apply(entries: &mut BTreeMap<String, NodeId>, change: &Change) {
    match change.to {
        Some(id) => entries.insert(change.name.clone(), id),
        None => entries.remove(&change.name),
    };
}

/// The names along a path from the root. There is no current directory: `a`, `/a` and `./a` are one.
fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => {
                names.push(name.to_str().ok_or(ErrorKind::InvalidInput)?.to_owned());
            }
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(ErrorKind::InvalidInput.into());
            }
        }
    }
    Ok(names)
}
