// The source of Shop.Tests.dll, which was compiled with Mono's mcs against xunit.core.cs beside it:
//   mcs -target:library -out:xunit.core.dll xunit.core.cs
//   mcs -target:library -out:Shop.Tests.dll -r:xunit.core.dll Shop.Tests.cs
using Xunit;

[assembly: CollectionBehavior(CollectionBehavior.CollectionPerClass, MaxParallelThreads = 3, ParallelAlgorithm = ParallelAlgorithm.Aggressive)]

namespace Shop.Tests {
    static class Names { public const string Billing = "Billing " + "sandbox"; }

    [CollectionDefinition(Names.Billing, DisableParallelization = true)]
    public class BillingCollection {}

    [CollectionDefinition(DisableParallelization = true)]
    public class PrinterCollection {}

    [CollectionDefinition("Database")]
    public class DatabaseCollection {}

    public class CartTests { [Fact] public void Adds() {} [Fact] public void Removes() {} }

    [Collection(Names.Billing)]
    public class InvoiceTests { [Fact] public void Sums() {} }

    [Collection("Billing sandbox")]
    public class RefundTests {
        [Fact] public void Refunds() {}
        public class Partial { [Fact] public void Rounds() {} }
    }

    [Collection("Database")]
    public abstract class DatabaseTests { [Fact] public void Connects() {} }

    public class OrderTests : DatabaseTests { [Fact] public void Saves() {} }

    public class UserTests : DatabaseTests {
        [Collection("Größe €")]
        public class Names { [Fact] public void Fit() {} }
    }

    [Collection(typeof(PrinterCollection))]
    public class LabelTests { [Fact] public void Print() {} }
}

[Collection("Database")]
public class RootTests { [Xunit.Fact] public void Works() {} }
