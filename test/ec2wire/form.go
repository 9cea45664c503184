package ec2wire

import (
	"net/url"
	"strconv"
)

// list reads Name.1, Name.2, …
func list(form url.Values, name string) (values []string) {
	for n := 1; ; n++ {
		v, there := form[name+"."+strconv.Itoa(n)]
		if !there || len(v) == 0 {
			return values
		}
		values = append(values, v[0])
	}
}

// filters reads Filter.N.Name with Filter.N.Value.M.
func filters(form url.Values) (all []Filter) {
	for n := 1; ; n++ {
		at := "Filter." + strconv.Itoa(n)
		if !form.Has(at + ".Name") {
			return all
		}
		all = append(all, Filter{Name: form.Get(at + ".Name"), Values: list(form, at+".Value")})
	}
}

// values are those that a filter wants.
func values(form url.Values, filter string) []string {
	for _, f := range filters(form) {
		if f.Name == filter {
			return f.Values
		}
	}
	return nil
}

// tags reads AT.1.Key with AT.1.Value, …
func tags(form url.Values, at string) map[string]string {
	all := map[string]string{}
	for n := 1; ; n++ {
		tag := at + "." + strconv.Itoa(n)
		if !form.Has(tag + ".Key") {
			return all
		}
		all[form.Get(tag+".Key")] = form.Get(tag + ".Value")
	}
}

// launch reads a CreateFleet call.
func launch(form url.Values) (Launch, error) {
	count, err := strconv.Atoi(form.Get("TargetCapacitySpecification.TotalTargetCapacity"))
	if err != nil || count < 1 || form.Get("Type") != "instant" {
		return Launch{}, &Error{Code: "InvalidParameterValue", Message: "an instant fleet of at least one is understood here"}
	}
	const spec = "LaunchTemplateConfigs.1.LaunchTemplateSpecification."
	l := Launch{
		Token: form.Get("ClientToken"), Form: form.Encode(), Count: count,
		Template: form.Get(spec + "LaunchTemplateId"), Version: form.Get(spec + "Version"),
		Spot: form.Get("TargetCapacitySpecification.DefaultTargetCapacityType") == "spot", Tags: map[string]string{},
	}
	l.Strategy = form.Get("OnDemandOptions.AllocationStrategy")
	if l.Spot {
		l.Strategy = form.Get("SpotOptions.AllocationStrategy")
	}
	for n := 1; ; n++ {
		at := "LaunchTemplateConfigs.1.Overrides." + strconv.Itoa(n)
		if !form.Has(at + ".InstanceType") {
			break
		}
		priority, _ := strconv.ParseFloat(form.Get(at+".Priority"), 64)
		l.Offers = append(l.Offers, Offer{Type: form.Get(at + ".InstanceType"), Subnet: form.Get(at + ".SubnetId"), Priority: priority})
	}
	for n := 1; form.Has("TagSpecification." + strconv.Itoa(n) + ".ResourceType"); n++ {
		if at := "TagSpecification." + strconv.Itoa(n); form.Get(at+".ResourceType") == "instance" {
			l.Tags = tags(form, at+".Tag")
		}
	}
	return l, nil
}

// most bounds a page, as EC2 documents it for both calls that list instances:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
const most = 1000

// query reads which instances are asked for.
func query(form url.Values) (Query, error) {
	q := Query{IDs: list(form, "InstanceId"), Filters: filters(form), Token: form.Get("NextToken"), All: form.Get("IncludeAllInstances") == "true"}
	for _, f := range q.Filters {
		if _, known := (&Instance{Tags: map[string]string{f.Name[min(4, len(f.Name)):]: ""}}).field(f.Name); !known {
			return q, &Error{Code: "InvalidParameterValue", Message: "The filter '" + f.Name + "' is invalid"}
		}
	}
	if !form.Has("MaxResults") {
		return q, nil
	}
	n, err := strconv.Atoi(form.Get("MaxResults"))
	if err != nil || n < 5 || n > most || len(q.IDs) > 0 {
		return q, &Error{Code: "InvalidParameterValue", Message: "MaxResults must be between 5 and 1000, and may not be used with InstanceId"}
	}
	q.Most = n
	return q, nil
}
