//! Arrays and maps, where the engine's functions answer otherwise than Trino's.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, UInt32Array, make_comparator};
use arrow::compute::{SortOptions, take};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result as EngineResult;

use super::{Function, invalid};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("element_at", container_and_key, element_type, element_at),
    Function::new("cardinality", container, |_| DataType::Int64, cardinality),
];

fn container(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    match arguments {
        [DataType::List(_) | DataType::Map(..)] => Ok(arguments.to_vec()),
        [DataType::LargeList(item) | DataType::FixedSizeList(item, _)] => {
            Ok(vec![DataType::List(Arc::clone(item))])
        }
        _ => Err("array(E) or map(K,V)".to_owned()),
    }
}

fn container_and_key(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    let expected = || "array(E), bigint or map(K,V), K".to_owned();
    let [held, key] = arguments else { return Err(expected()) };
    let held = container(std::slice::from_ref(held))?.remove(0);
    let key = match &held {
        DataType::Map(entry, _) => match entry.data_type() {
            DataType::Struct(fields) => fields[0].data_type().clone(),
            _ => return Err(expected()),
        },
        _ if key.is_integer() || key.is_null() => DataType::Int64,
        _ => return Err(expected()),
    };
    Ok(vec![held, key])
}

fn element_type(arguments: &[DataType]) -> DataType {
    match arguments.first() {
        Some(DataType::List(item)) => item.data_type().clone(),
        Some(DataType::Map(entry, _)) => match entry.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => fields[1].data_type().clone(),
            _ => DataType::Null,
        },
        _ => DataType::Null,
    }
}

/// An array's element from one, from the end for a negative place; a map's value. NULL where there is none.
fn element_at(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut places: Vec<Option<u32>> = Vec::with_capacity(rows);
    if let DataType::Map(..) = arguments[0].data_type() {
        let map = arguments[0].as_map();
        let same = make_comparator(map.keys(), &arguments[1], SortOptions::default())?;
        for row in 0..rows {
            let valid = map.is_valid(row) && arguments[1].is_valid(row);
            let (start, end) = (map.value_offsets()[row] as usize, map.value_offsets()[row + 1] as usize);
            let found = (start..end).find(|at| valid && same(*at, row).is_eq());
            places.push(found.and_then(|at| u32::try_from(at).ok()));
        }
        return Ok(take(map.values(), &UInt32Array::from(places), None)?);
    }
    let list = arguments[0].as_list::<i32>();
    let wanted = arguments[1].as_primitive::<Int64Type>();
    for row in 0..rows {
        if list.is_null(row) || wanted.is_null(row) {
            places.push(None);
            continue;
        }
        let (start, end) = (i64::from(list.value_offsets()[row]), i64::from(list.value_offsets()[row + 1]));
        let at = match wanted.value(row) {
            0 => return Err(invalid("SQL array indices start at 1")),
            place if place > 0 => start.saturating_add(place - 1),
            place => end.saturating_add(place),
        };
        places.push((start..end).contains(&at).then_some(at).and_then(|at| u32::try_from(at).ok()));
    }
    Ok(take(list.values(), &UInt32Array::from(places), None)?)
}

fn cardinality(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let array = &arguments[0];
    let offsets = match array.data_type() {
        DataType::Map(..) => array.as_map().value_offsets(),
        _ => array.as_list::<i32>().value_offsets(),
    };
    let size = |row: usize| array.is_valid(row).then(|| i64::from(offsets[row + 1] - offsets[row]));
    Ok(Arc::new(Int64Array::from_iter((0..rows).map(size))))
}
