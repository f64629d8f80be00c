//! Hand-assembled protos and jobs for tests.
use crate::job::{JobConst, JobEntry, JobInput, JobOptions, JobProto};
use selune_core::feedback::FeedbackVector;
use selune_core::proto::Ins;
use std::collections::HashMap;

/// A proto with these instructions and some constants: 0 nil, 1 the integer 1, 2 the float 0.5, 3 the string "x".
pub fn proto(num_params: u8, code: Vec<Ins>) -> JobProto {
    JobProto {
        ptr: 0x1000,
        id: 1,
        name: "test".into(),
        code,
        constants: vec![
            JobConst::Nil,
            JobConst::Int(1),
            JobConst::Float(0.5),
            JobConst::Str { bits: 0xFFFB_0000_0000_2000, text: b"x".to_vec() },
        ],
        feedback: FeedbackVector::new(0),
        meta: vec![],
        lines: vec![],
        num_params,
        is_vararg: false,
        max_stack: 20,
        upvals: vec![],
        children: vec![],
    }
}

/// A job for one proto.
pub fn job(p: JobProto) -> JobInput {
    JobInput {
        protos: vec![p],
        entry: JobEntry::Normal,
        shapes: HashMap::new(),
        root_shapes: vec![],
        index_name: 0,
        events: vec![],
        strings: None,
        natives: HashMap::new(),
        young_metatables: false,
        options: JobOptions::default(),
    }
}
