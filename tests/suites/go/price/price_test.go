package price

import (
	"fmt"
	"os"
	"testing"
)

func TestGross(t *testing.T) {
	for country, percent := range map[string]int{"DE": 19, "FR": 20, "LU": 17} {
		for _, net := range []int{0, 100} {
			t.Run(fmt.Sprintf("%s with %d", country, net), func(t *testing.T) {
				if Gross(net, percent) < net {
					t.Fatal("the tax is negative")
				}
			})
		}
	}
}

func TestNorway(t *testing.T) {
	t.Skip("no shop in Norway yet")
}

func TestSwitch(t *testing.T) {
	t.Log("the switch is", os.Getenv("SUITE_FAIL"))
	if os.Getenv("SUITE_FAIL") != "" {
		t.Fatal("SUITE_FAIL is set")
	}
}

func ExampleGross() {
	fmt.Println(Gross(100, 19))
	// Output: 119
}

func BenchmarkGross(b *testing.B) {
	for i := 0; i < b.N; i++ {
		Gross(i, 19)
	}
}
