//! What a service's operations reach in the model: structures and enums, who uses them, and what is left out.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};

use super::model::{Model, Shape};
use super::{Wanted, names};

/// Everything that is to be written, by the model's names.
#[derive(Debug, Default)]
pub struct Plan {
    pub operations: Vec<Operation>,
    pub structures: BTreeMap<String, Structure>,
    pub enums: BTreeSet<String>,
    /// What inputs reach, structures included: these get a constraint table.
    pub checked: BTreeSet<String>,
}

#[derive(Debug)]
pub struct Operation {
    pub name: String,
    /// The input's shape; `None` when the model has none, for which an empty structure stands.
    pub input: Option<String>,
    /// Members of the input and of the output that hold what the model marks as sensitive.
    pub secrets: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub struct Structure {
    pub rust_name: String,
    pub in_input: bool,
    pub in_output: bool,
    pub members: Vec<Member>,
}

#[derive(Debug)]
pub struct Member {
    pub name: String,
    pub shape: String,
    pub required: bool,
    pub left_out: bool,
    /// The structure would hold itself without end.
    pub boxed: bool,
}

/// Names that the generated files use for something else.
const TAKEN: &[&str] = &[
    "BTreeMap",
    "Bounds",
    "Box",
    "Bytes",
    "Default",
    "Deserialize",
    "Length",
    "Option",
    "Pattern",
    "Protocol",
    "Serialize",
    "Shape",
    "Shaped",
    "String",
    "Text",
    "Timestamp",
    "Vec",
];

pub fn plan(model: &Model, wanted: &Wanted) -> Result<Plan> {
    let left_out = left_out(model, wanted)?;
    let mut planner = Planner { model, left_out: &left_out, renamed: BTreeMap::new(), plan: Plan::default() };
    for name in wanted.operations.keys() {
        planner.operation(name)?;
    }
    let Planner { mut plan, .. } = planner;
    for (structure, member) in &left_out {
        ensure!(
            plan.structures.contains_key(structure),
            "{structure}.{member} is left out, but no operation reaches {structure}"
        );
    }
    box_recursion(&mut plan);
    Ok(plan)
}

/// Each (structure, member) that `api.toml` leaves out.
fn left_out(model: &Model, wanted: &Wanted) -> Result<BTreeSet<(String, String)>> {
    let mut left_out = BTreeSet::new();
    let mut add = |structure: &str, member: &str| -> Result<()> {
        let shape = model.shape(structure)?;
        ensure!(shape.members.0.iter().any(|(name, _)| name == member), "{structure} has no member {member}");
        left_out.insert((structure.to_owned(), member.to_owned()));
        Ok(())
    };
    for (structure, members) in &wanted.leave_out {
        for member in members {
            add(structure, member)?;
        }
    }
    for (name, operation) in &wanted.operations {
        let input =
            model.operations.get(name).with_context(|| format!("the model has no operation {name}"))?;
        for path in &operation.refuse {
            let input = input.input.as_ref().with_context(|| format!("{name} has no input to refuse"))?;
            let mut at = input.shape.clone();
            let (parents, member) = path.rsplit_once('.').unwrap_or(("", path));
            for part in parents.split('.').filter(|part| !part.is_empty()) {
                let members = &model.shape(&at)?.members.0;
                let next = members.iter().find(|(name, _)| name == part);
                let next =
                    next.with_context(|| format!("{name} refuses {path}: {at} has no member {part}"))?;
                at = element(model, &next.1.shape)?;
            }
            add(&at, member).with_context(|| format!("{name} refuses {path}"))?;
        }
    }
    Ok(left_out)
}

/// The structure inside of lists and maps.
fn element(model: &Model, name: &str) -> Result<String> {
    let shape = model.shape(name)?;
    match shape.member.as_ref().or(shape.value.as_ref()) {
        Some(inner) => element(model, &inner.shape),
        None => Ok(name.to_owned()),
    }
}

/// Gathers the members below a shape whose values the model marks as sensitive: themselves, or what their lists and maps hold.
fn collect_secrets(
    model: &Model,
    name: &str,
    seen: &mut BTreeSet<String>,
    secrets: &mut BTreeSet<String>,
) -> Result<()> {
    if !seen.insert(name.to_owned()) {
        return Ok(());
    }
    let shape = model.shape(name)?;
    for (member, reference) in &shape.members.0 {
        if is_secret(model, &reference.shape)? {
            secrets.insert(member.clone());
        }
        collect_secrets(model, &reference.shape, seen, secrets)?;
    }
    for reference in [&shape.member, &shape.value].into_iter().flatten() {
        collect_secrets(model, &reference.shape, seen, secrets)?;
    }
    Ok(())
}

fn is_secret(model: &Model, name: &str) -> Result<bool> {
    let shape = model.shape(name)?;
    if shape.sensitive {
        return Ok(true);
    }
    for reference in [&shape.member, &shape.key, &shape.value].into_iter().flatten() {
        if is_secret(model, &reference.shape)? {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Planner<'m> {
    model: &'m Model,
    left_out: &'m BTreeSet<(String, String)>,
    /// Inputs and outputs are called after their operation.
    renamed: BTreeMap<String, String>,
    plan: Plan,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

impl Planner<'_> {
    fn operation(&mut self, name: &str) -> Result<()> {
        let model = self.model;
        let operation =
            model.operations.get(name).with_context(|| format!("the model has no operation {name}"))?;
        let ends =
            [(&operation.input, "Input", Direction::In), (&operation.output, "Output", Direction::Out)];
        for (reference, suffix, direction) in ends {
            let Some(reference) = reference else { continue };
            let rust_name = format!("{name}{suffix}");
            // One that serves several operations is called after the first of them.
            self.renamed.entry(reference.shape.clone()).or_insert_with(|| rust_name.clone());
            self.reach(&reference.shape, direction).with_context(|| rust_name)?;
        }
        let input = operation.input.as_ref().map(|input| input.shape.clone());
        let mut secrets = BTreeSet::new();
        for (reference, _, _) in ends {
            if let Some(reference) = reference {
                collect_secrets(model, &reference.shape, &mut BTreeSet::new(), &mut secrets)?;
            }
        }
        self.plan.operations.push(Operation { name: name.to_owned(), input, secrets });
        Ok(())
    }

    fn reach(&mut self, name: &str, direction: Direction) -> Result<()> {
        let shape = self.model.shape(name)?;
        ensure!(
            !shape.document && !shape.eventstream,
            "{name} is a document or an event stream: leave it out"
        );
        let new = direction == Direction::In && self.plan.checked.insert(name.to_owned());
        match shape.kind.as_str() {
            "structure" => self.structure(name, shape, direction)?,
            "list" | "map" => {
                // An output's collections are not noted: walking them again ends at the structures, which are.
                if new || direction == Direction::Out {
                    let inner = [&shape.member, &shape.key, &shape.value];
                    for reference in inner.into_iter().flatten() {
                        self.reach(&reference.shape, direction)?;
                    }
                }
            }
            "string" if !shape.values.is_empty() => {
                self.plan.enums.insert(name.to_owned());
            }
            "string" | "integer" | "long" | "float" | "double" | "boolean" | "blob" => {}
            "timestamp" => {
                let format = shape.timestamp_format.as_deref();
                ensure!(format.is_none(), "{name} has its own format {format:?}: leave it out");
            }
            other => bail!("{name} is of an unknown kind {other}"),
        }
        Ok(())
    }

    fn structure(&mut self, name: &str, shape: &Shape, direction: Direction) -> Result<()> {
        let rust_name = self.renamed.get(name).cloned().unwrap_or_else(|| names::type_name(name));
        ensure!(!TAKEN.contains(&rust_name.as_str()), "the structure {name} needs another name");
        let structure = self.plan.structures.entry(name.to_owned()).or_default();
        let seen = match direction {
            Direction::In => &mut structure.in_input,
            Direction::Out => &mut structure.in_output,
        };
        if std::mem::replace(seen, true) {
            return Ok(());
        }
        structure.rust_name = rust_name;
        let member = |(member, reference): &(String, super::model::Reference)| Member {
            name: member.clone(),
            shape: reference.shape.clone(),
            required: shape.required.contains(member),
            left_out: self.left_out.contains(&(name.to_owned(), member.clone())),
            boxed: false,
        };
        structure.members = shape.members.0.iter().map(member).collect();
        for member in &structure.members {
            let impossible = member.required && member.left_out && structure.in_input;
            ensure!(!impossible, "{name}.{} is required and cannot be refused", member.name);
        }
        let query = self.model.metadata.protocol == "query";
        for (member, reference) in &shape.members.0 {
            if self.left_out.contains(&(name.to_owned(), member.clone())) {
                continue;
            }
            let renamed = reference.location_name.as_ref().is_some_and(|other| other != member);
            let flat = reference.flattened || self.model.shape(&reference.shape)?.flattened;
            ensure!(
                !query || !(renamed || flat),
                "{name}.{member} has its own form in XML, which wire lacks"
            );
            self.reach(&reference.shape, direction).with_context(|| format!("{name}.{member}"))?;
        }
        Ok(())
    }
}

/// Boxes each member through which a structure would hold itself directly; lists and maps hold by pointer anyway.
fn box_recursion(plan: &mut Plan) {
    let held: BTreeMap<String, Vec<String>> = plan
        .structures
        .iter()
        .map(|(name, structure)| {
            let members = structure.members.iter().filter(|member| !member.left_out);
            (name.clone(), members.map(|member| member.shape.clone()).collect())
        })
        .collect();
    let reaches = |from: &str, to: &str| {
        let (mut open, mut seen) = (vec![from.to_owned()], BTreeSet::new());
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at.clone()) {
                open.extend(held.get(&at).into_iter().flatten().cloned());
            }
        }
        false
    };
    for (name, structure) in &mut plan.structures {
        for member in structure.members.iter_mut().filter(|member| !member.left_out) {
            member.boxed = held.contains_key(&member.shape) && reaches(&member.shape, name);
        }
    }
}
