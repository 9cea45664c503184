package aws

import "testing"

// TestMotoRefusesWhatIsNotThere before anything is bought, each by its name.
func TestMotoRefusesWhatIsNotThere(t *testing.T) {
	s := newSite(t, plan{})
	s.makeTemplate("mute", "render", disabled)
	for _, c := range []struct {
		name string
		plan plan
		say  []string
	}{
		{"another account", plan{account: "210987654321"}, []string{"aws.account is 210987654321", "of account 123456789012"}},
		{"another region", plan{region: "eu-central-1"}, []string{"queue photos", "eu-central-1"}},
		{"no launch template", plan{template: "renderer"}, []string{`"renderer"`, "fleet render", "ec2.launch_template"}},
		{"no tags in the metadata", plan{template: "mute"}, []string{`"mute"`, "InstanceMetadataTags"}},
		{"no subnet", plan{subnets: []string{"subnet-0123456789abcdef0"}}, []string{"there is no subnet subnet-0123456789abcdef0 in account 123456789012, region eu-west-1"}},
		{"no queue", plan{queue: "fotos"}, []string{"fotos", "queue photos"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.configure(c.plan)
			s.refused(c.say...)
		})
	}
	if n := len(s.alive()) + s.wire.count("ec2:CreateFleet"); n > 0 {
		t.Errorf("bought something all the same: %v", s.wire.asked())
	}
}
