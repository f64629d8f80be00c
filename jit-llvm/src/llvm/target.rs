//! The compiler of one worker thread: a target machine, and a context for each job.
//!
//! `Compiler` turns a module into an [`Object`] in the steps of `passes` and `object`. Neither it nor a context may leave
//! its thread; objects may.

use super::error::LlvmError;
use super::exit;
use super::load::Llvm;
use super::object::Object;
use super::passes::{self, Pipeline};
use inkwell::OptimizationLevel;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::context::Context;
use inkwell::memory_buffer::MemoryBuffer;
use inkwell::module::Module;
use inkwell::targets::{
    CodeModel, FileType, RelocMode, Target, TargetData, TargetMachine, TargetTriple,
};
use inkwell::values::FunctionValue;
use llvm_sys::LLVMDiagnosticSeverity;
use llvm_sys::core::LLVMGetDiagInfoSeverity;
use llvm_sys::core::{
    LLVMContextSetDiagnosticHandler, LLVMDisposeMessage, LLVMGetDiagInfoDescription,
};
use llvm_sys::prelude::LLVMDiagnosticInfoRef;
use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::ops::Deref;

/// For which machine code is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cpu {
    /// This one.
    #[default]
    Host,
    /// A model that LLVM knows, such as `x86-64-v3`: the same code everywhere, for snapshots.
    Model(String),
}

/// How much effort the code generator makes. (Its lowest level is missing: it runs out of registers at side exits.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeGeneration {
    /// Fast.
    #[default]
    Less,
    /// What `-O2` does.
    Default,
    /// What `-O3` does.
    Aggressive,
}

/// Options of a [`Compiler`].
#[derive(Clone, Debug, Default)]
pub struct CompilerOptions {
    /// The machine.
    pub cpu: Cpu,
    /// Code generation.
    pub code_generation: CodeGeneration,
    /// Have LLVM verify the module after each pass.
    pub verify_each: bool,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Compiler {
    machine: TargetMachine,
    triple: TargetTriple,
    /// The data layout with address space 1 non-integral, until code generation.
    gc_layout: TargetData,
    options: CompilerOptions,
    llvm: &'static Llvm,
    /// Set while the compiler is dropped, and dropped last.
    ending: Option<exit::Job>,
}

impl Drop for Compiler {
    fn drop(&mut self) {
        self.ending = Some(exit::Job::start());
    }
}

impl Compiler {
    /// A compiler for the calling thread.
    pub fn new(llvm: &'static Llvm, options: CompilerOptions) -> Result<Compiler, LlvmError> {
        let _job = exit::Job::start();
        let (triple, cpu, features) = match &options.cpu {
            Cpu::Host => (
                TargetMachine::get_default_triple(),
                TargetMachine::get_host_cpu_name().to_string(),
                TargetMachine::get_host_cpu_features().to_string(),
            ),
            Cpu::Model(model) => (
                TargetTriple::create("x86_64-unknown-linux-gnu"),
                model.clone(),
                String::new(),
            ),
        };
        let target = Target::from_triple(&triple).map_err(|e| LlvmError::Target(e.to_string()))?;
        let level = match options.code_generation {
            CodeGeneration::Less => OptimizationLevel::Less,
            CodeGeneration::Default => OptimizationLevel::Default,
            CodeGeneration::Aggressive => OptimizationLevel::Aggressive,
        };
        // Without AVX-512 there are only the 32 registers that side exits save.
        let features = if features.is_empty() {
            "-avx512f".into()
        } else {
            format!("{features},-avx512f")
        };
        let machine = target
            .create_target_machine(
                &triple,
                &cpu,
                &features,
                level,
                RelocMode::PIC,
                CodeModel::Small,
            )
            .ok_or_else(|| LlvmError::Target(format!("no code generator for {cpu}")))?;
        let layout = machine.get_target_data().get_data_layout();
        let gc_layout = TargetData::create(&format!("{}-ni:1", layout.as_str().to_string_lossy()));
        Ok(Compiler {
            machine,
            triple,
            gc_layout,
            options,
            llvm,
            ending: None,
        })
    }

    /// The library behind it.
    pub fn llvm(&self) -> &'static Llvm {
        self.llvm
    }

    /// The options.
    pub fn options(&self) -> &CompilerOptions {
        &self.options
    }

    /// LLVM's machine, for questions about sizes and costs.
    pub fn machine(&self) -> &TargetMachine {
        &self.machine
    }

    /// Gives a new module this machine's triple, and its data layout with non-integral collected pointers.
    pub fn prepare(&self, module: &Module) {
        module.set_triple(&self.triple);
        module.set_data_layout(&self.gc_layout.get_data_layout());
    }

    /// Marks a function as compiled Lua code: collected, with frame pointers, without unwinding.
    pub fn mark_function(&self, context: &Context, function: FunctionValue) {
        function.set_gc("statepoint-example");
        let nounwind =
            context.create_enum_attribute(Attribute::get_named_enum_kind_id("nounwind"), 0);
        function.add_attribute(AttributeLoc::Function, nounwind);
        let frame_pointer = context.create_string_attribute("frame-pointer", "all");
        function.add_attribute(AttributeLoc::Function, frame_pointer);
    }

    /// Reads IR text into a module that is prepared for this machine.
    pub fn parse<'c>(
        &self,
        context: &'c JobContext,
        name: &str,
        text: &str,
    ) -> Result<Module<'c>, LlvmError> {
        let buffer = MemoryBuffer::create_from_memory_range_copy(text.as_bytes(), name);
        let module = context
            .create_module_from_ir(buffer)
            .map_err(|e| LlvmError::InvalidModule(one_line(&e.to_string())))?;
        self.prepare(&module);
        Ok(module)
    }

    /// From a module as it was built to machine code.
    pub fn compile(
        &self,
        context: &JobContext,
        module: &Module,
        pipeline: &Pipeline,
    ) -> Result<Object, LlvmError> {
        self.optimize(context, module, pipeline)?;
        self.insert_statepoints(context, module)?;
        self.emit(context, module)
    }

    /// Verifies the module and runs the passes that come before statepoints.
    pub fn optimize(
        &self,
        context: &JobContext,
        module: &Module,
        pipeline: &Pipeline,
    ) -> Result<(), LlvmError> {
        // An invalid module may crash LLVM, and with it the program.
        self.verify(module)?;
        self.run(context, module, pipeline.text())
    }

    /// Makes calls safepoints, and tidies up.
    pub fn insert_statepoints(
        &self,
        context: &JobContext,
        module: &Module,
    ) -> Result<(), LlvmError> {
        self.run(context, module, passes::STATEPOINTS)
    }

    /// Runs passes by name.
    pub fn run(
        &self,
        context: &JobContext,
        module: &Module,
        pipeline: &str,
    ) -> Result<(), LlvmError> {
        let options = passes::options(&self.options);
        module
            .run_passes(pipeline, &self.machine, options)
            .map_err(|e| LlvmError::Passes(e.to_string()))?;
        context.check(LlvmError::Passes)
    }

    /// Generates machine code. The module is not to be used any more.
    pub fn emit(&self, context: &JobContext, module: &Module) -> Result<Object, LlvmError> {
        Object::new(self.generate(context, module, FileType::Object)?)
    }

    /// Generates machine code as text, for people. The module stays as it is.
    pub fn assembly(&self, context: &JobContext, module: &Module) -> Result<String, LlvmError> {
        // The code generator changes what it works on. (Only valid modules can be copied.)
        self.verify(module)?;
        let buffer = self.generate(context, &module.clone(), FileType::Assembly)?;
        let text = String::from_utf8_lossy(buffer.as_slice());
        Ok(text.trim_end_matches('\0').to_string())
    }

    fn verify(&self, module: &Module) -> Result<(), LlvmError> {
        module
            .verify()
            .map_err(|e| LlvmError::InvalidModule(one_line(&e.to_string())))
    }

    fn generate(
        &self,
        context: &JobContext,
        module: &Module,
        kind: FileType,
    ) -> Result<MemoryBuffer<'static>, LlvmError> {
        // The code generator knows no non-integral pointers; their work is done.
        module.set_data_layout(&self.machine.get_target_data().get_data_layout());
        let buffer = self
            .machine
            .write_to_memory_buffer(module, kind)
            .map_err(|e| LlvmError::CodeGeneration(e.to_string()))?;
        context.check(LlvmError::CodeGeneration)?;
        Ok(buffer)
    }
}

fn one_line(message: &str) -> String {
    message.trim().replace('\n', " ")
}

/// A context for one job; errors that LLVM reports in it are kept (by default LLVM ends the process).
#[derive(Debug)]
pub struct JobContext {
    context: Context,
    errors: Box<RefCell<Vec<String>>>,
    _job: exit::Job,
}

impl JobContext {
    /// A fresh one. Taking a new one for each job keeps what LLVM remembers (types, constants, names) from growing.
    pub fn new(_: &'static Llvm) -> JobContext {
        let job = exit::Job::start();
        let context = Context::create();
        let errors = Box::<RefCell<Vec<String>>>::default();
        let data = (&raw const *errors).cast_mut().cast::<c_void>();
        // SAFETY: the context is alive; `errors` has a stable address and is dropped after the context (field order).
        unsafe { LLVMContextSetDiagnosticHandler(context.raw(), Some(on_diagnostic), data) };
        JobContext {
            context,
            errors,
            _job: job,
        }
    }

    /// Fails with the errors that LLVM has reported since the last time.
    fn check(&self, kind: impl FnOnce(String) -> LlvmError) -> Result<(), LlvmError> {
        match std::mem::take(&mut *self.errors.borrow_mut()) {
            errors if errors.is_empty() => Ok(()),
            errors => Err(kind(errors.join("; "))),
        }
    }
}

impl Deref for JobContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

extern "C" fn on_diagnostic(info: LLVMDiagnosticInfoRef, errors: *mut c_void) {
    // SAFETY: LLVM passes a diagnostic that is valid during the call, and the pointer that `JobContext::new` gave it,
    // whose cell lives as long as the context and is borrowed only between calls of LLVM in this thread.
    unsafe {
        if LLVMGetDiagInfoSeverity(info) != LLVMDiagnosticSeverity::LLVMDSError {
            return;
        }
        let text = LLVMGetDiagInfoDescription(info);
        let message = CStr::from_ptr(text)
            .to_string_lossy()
            .trim()
            .replace('\n', " ");
        LLVMDisposeMessage(text);
        (*errors.cast::<RefCell<Vec<String>>>())
            .borrow_mut()
            .push(message);
    }
}
