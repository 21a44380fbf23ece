//! What plans say of their children, where all say the same.

/// The methods of an `ExecutionPlan` that has no children and no expressions to be rewritten.
macro_rules! has_no_children {
    () => {
        fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
            Vec::new()
        }

        fn replace_children(
            self: Arc<Self>,
            children: Vec<Arc<dyn ExecutionPlan>>,
            _: datafusion::physical_plan::ReplaceChildrenOptions,
        ) -> Result<Arc<dyn ExecutionPlan>> {
            if children.is_empty() {
                return Ok(self);
            }
            datafusion::common::internal_err!("{} has no children", self.name())
        }

        crate::children::has_no_expressions!();
    };
}

/// The methods of an `ExecutionPlan` with one child, `self.input`, and no expressions to be rewritten; its method
/// `over` makes the same plan over another.
macro_rules! has_one_child {
    () => {
        fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
            vec![&self.input]
        }

        fn replace_children(
            self: Arc<Self>,
            mut children: Vec<Arc<dyn ExecutionPlan>>,
            _: datafusion::physical_plan::ReplaceChildrenOptions,
        ) -> Result<Arc<dyn ExecutionPlan>> {
            match (children.pop(), children.is_empty()) {
                (Some(input), true) => Ok(self.over(input)),
                _ => datafusion::common::internal_err!("{} has one child", self.name()),
            }
        }

        crate::children::has_no_expressions!();
    };
}

/// What both have in common.
macro_rules! has_no_expressions {
    () => {
        fn with_new_children(
            self: Arc<Self>,
            children: Vec<Arc<dyn ExecutionPlan>>,
        ) -> Result<Arc<dyn ExecutionPlan>> {
            let recompute = datafusion::physical_plan::ChildrenPropertiesMode::Recompute;
            self.replace_children(
                children,
                datafusion::physical_plan::ReplaceChildrenOptions::new(recompute),
            )
        }

        fn apply_expressions(
            &self,
            _: &mut dyn FnMut(
                &Arc<dyn datafusion::physical_plan::PhysicalExpr>,
            ) -> Result<datafusion::common::tree_node::TreeNodeRecursion>,
        ) -> Result<datafusion::common::tree_node::TreeNodeRecursion> {
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        }
    };
}

pub(crate) use {has_no_children, has_no_expressions, has_one_child};
