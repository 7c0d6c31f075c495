select 'city' as kind, city as what, cents from {{ ref('city_totals') }}
union all
select 'day' as kind, cast(day as varchar) as what, cents from {{ ref('day_totals') }}
