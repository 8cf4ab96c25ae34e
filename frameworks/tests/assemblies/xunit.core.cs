// The shapes of the attributes that xUnit.net has, just enough to compile Shop.Tests.cs.
using System;

namespace Xunit {
    [AttributeUsage(AttributeTargets.Method)]
    public class FactAttribute : Attribute {}

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class CollectionAttribute : Attribute {
        public CollectionAttribute(string name) {}
        public CollectionAttribute(Type type) {}
    }

    [AttributeUsage(AttributeTargets.Class, Inherited = false)]
    public sealed class CollectionDefinitionAttribute : Attribute {
        public CollectionDefinitionAttribute() {}
        public CollectionDefinitionAttribute(string name) {}
        public bool DisableParallelization { get; set; }
    }

    public enum CollectionBehavior { CollectionPerAssembly, CollectionPerClass }
    public enum ParallelAlgorithm { Conservative, Aggressive }

    [AttributeUsage(AttributeTargets.Assembly)]
    public sealed class CollectionBehaviorAttribute : Attribute {
        public CollectionBehaviorAttribute() {}
        public CollectionBehaviorAttribute(CollectionBehavior collectionBehavior) {}
        public bool DisableTestParallelization { get; set; }
        public int MaxParallelThreads { get; set; }
        public ParallelAlgorithm ParallelAlgorithm { get; set; }
    }
}
